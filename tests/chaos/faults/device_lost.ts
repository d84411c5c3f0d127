import { type Fault, signal, training, wasRetried } from "../fault.ts";

/** The WebGPU device of a job is destroyed under it; see device_program.ts. */
export const deviceLost: Fault = {
  name: "a device is lost",
  unavailable: ({ options }) =>
    options.program === undefined ? "runs use the processor" : undefined,
  async inject(_world, run) {
    const pid = await training(run);
    return pid !== undefined && signal(pid, "SIGUSR2");
  },
  mark: wasRetried("DeviceLost"),
};
