// The program, whose jobs lose their WebGPU device when they get SIGUSR2: the device is destroyed, and
// everything behind it is the product's own.

import { main } from "../../main.ts";

if (Deno.args[0] === "run-job") {
  const devices: GPUDevice[] = [];
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    const device = await requestDevice.call(this, descriptor);
    devices.push(device);
    return device;
  };
  Deno.addSignalListener("SIGUSR2", () => devices.forEach((device) => device.destroy()));
}
await main(Deno.args, import.meta.url);
