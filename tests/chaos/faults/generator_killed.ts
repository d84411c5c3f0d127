import { type Fault, processOf, signal } from "../fault.ts";

/** kill -9 of the process that generates and evaluates. */
export const generatorKilled: Fault = {
  name: "the process that generates is killed",
  async inject(world) {
    const pid = await processOf(["run-generator"], world.service.process.pid);
    return pid !== undefined && signal(pid, "SIGKILL");
  },
};
