import { type Fault, signal, training } from "../fault.ts";

/** kill -9 of the service; its clients find it again on the same address. */
export const apiKilled: Fault = {
  name: "the API is killed",
  async inject(world, run) {
    if (await training(run) === undefined) return false;
    const { process } = world.service;
    signal(process.pid, "SIGKILL");
    await process.status;
    return true;
  },
};
