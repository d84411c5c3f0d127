import { type Fault, signal, training } from "../fault.ts";

/** SIGTERM: the run is handed on with a checkpoint. */
export const workerAskedToEnd: Fault = {
  name: "a worker is asked to end",
  async inject(world, run) {
    if (await training(run) === undefined) return false;
    const worker = world.workerOf(run);
    if (worker === undefined) return false;
    signal(worker.process.pid, "SIGTERM");
    const { code } = await worker.process.status;
    if (code !== 0) throw new Error(`The worker ended with code ${code}`);
    return true;
  },
  mark: (events) => events.some(({ type }) => type === "released"),
};
