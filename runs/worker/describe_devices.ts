// The devices of this host.

import { chooseBackend } from "../../compute/backend/choose.ts";
import { findAdapter, isSoftware } from "../../compute/backend/webgpu/adapter.ts";
import { adapterLimits, describeAdapter } from "./worker_devices.ts";

/** A device as it describes itself. */
export interface DeviceDescription {
  readonly backend: string;
  readonly device: string;
  /** Sizes in bytes, counts, and thread numbers. */
  readonly limits: Readonly<Record<string, number>>;
}

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
    device: describeAdapter(adapter),
    limits: adapterLimits(adapter),
  });
  return { auto: software ? "cpu" : "webgpu", devices };
}
