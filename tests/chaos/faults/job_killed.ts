import { type Fault, signal, training, wasRetried } from "../fault.ts";

/** kill -9 of the process that trains, in the middle of a step. */
export const jobKilled: Fault = {
  name: "a job is killed in the middle of a step",
  async inject(_world, run) {
    const pid = await training(run);
    return pid !== undefined && signal(pid, "SIGKILL");
  },
  mark: wasRetried("Killed"),
};
