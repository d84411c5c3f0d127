// The devices of this host.

import { chooseBackend } from "../../compute/backend/choose.ts";
import { adapterName, findAdapter, isSoftware } from "../../compute/backend/webgpu/adapter.ts";

/** A device as it describes itself. */
export interface DeviceDescription {
  readonly backend: string;
  readonly device: string;
  /** Sizes in bytes, counts, and thread numbers. */
  readonly limits: Readonly<Record<string, number>>;
}

/** Limits of an adapter that bound what can be trained. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
] as const;

/** Both backends as far as this host has them, and the one that `auto` takes. */
export async function describeDevices(): Promise<
  { readonly auto: string; readonly devices: DeviceDescription[] }
> {
  const cpu = await chooseBackend({ backend: "cpu", threads: 1 });
  const devices: DeviceDescription[] = [{
    backend: "cpu",
    device: `WebAssembly on ${navigator.hardwareConcurrency} cores`,
    limits: {
      cores: navigator.hardwareConcurrency,
      "memory, bytes": 2 ** 32,
      "largest tensor, bytes": cpu.info.maxTensorBytes,
    },
  }];
  cpu.close();
  const adapter = await findAdapter();
  if (!adapter) return { auto: "cpu", devices };
  const software = isSoftware(adapter);
  devices.push({
    backend: "webgpu",
    device: adapterName(adapter) + (software ? " (emulated on the processor)" : ""),
    limits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
  });
  return { auto: software ? "cpu" : "webgpu", devices };
}
