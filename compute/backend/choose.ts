// Which device a run uses.

import type { Backend } from "./backend.ts";
import { createCpuBackend } from "./cpu/cpu_backend.ts";
import { createWebgpuBackend } from "./webgpu/webgpu_backend.ts";

/** What a run spec and the environment say about the device. */
export interface BackendChoice {
  /** `auto` takes a hardware GPU if there is one, else the cpu. */
  readonly backend: "auto" | "cpu" | "webgpu";
  /** Threads of the cpu backend. */
  readonly threads?: number | undefined;
}

/**
 * Opens a device.
 *
 * @throws {RangeError} if `webgpu` is asked for and there is no adapter.
 */
export async function chooseBackend({ backend, threads }: BackendChoice): Promise<Backend> {
  if (backend !== "cpu") {
    const gpu = await createWebgpuBackend();
    if (gpu && (backend === "webgpu" || !gpu.info.software)) return gpu;
    gpu?.close();
    if (backend === "webgpu") {
      throw new RangeError(
        'Cannot open backend "webgpu": no adapter found: expected a Vulkan or Metal driver, or backend "cpu"',
      );
    }
  }
  return createCpuBackend(threads === undefined ? {} : { threads });
}
