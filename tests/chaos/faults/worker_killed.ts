import { type Fault, signal, training, wasRetried } from "../fault.ts";

/** kill -9 of a worker: nobody prolongs the lease, and its job is alone. */
export const workerKilled: Fault = {
  name: "a worker is killed",
  async inject(world, run) {
    if (await training(run) === undefined) return false;
    const worker = world.workerOf(run);
    if (worker === undefined) return false;
    signal(worker.process.pid, "SIGKILL");
    await worker.process.status;
    return true;
  },
  mark: wasRetried("LeaseExpired"),
};
