// Which device a run uses.

import type { Backend } from "./backend.ts";
import { createCpuBackend } from "./cpu/cpu_backend.ts";
import { findAdapter, isSoftware } from "./webgpu/adapter.ts";
import type { TuningOptions } from "./webgpu/tuning.ts";
import { createWebgpuBackend } from "./webgpu/webgpu_backend.ts";

/** What a run spec and the environment say about the device. */
export interface BackendChoice {
  /** `auto` takes a hardware GPU if there is one, else the cpu. */
  readonly backend: "auto" | "cpu" | "webgpu";
  /** Threads of the cpu backend. */
  readonly threads?: number | undefined;
  /** Implementation of WebGPU; `auto` is the runtime's own, `off` none. */
  readonly gpu?: "auto" | "deno" | "dawn" | "off" | undefined;
  /** Whether a GPU's products are measured, and where what was found is kept. */
  readonly tuning?: TuningOptions | undefined;
}

/**
 * Opens a device.
 *
 * @throws {RangeError} if `webgpu` is asked for and there is no adapter.
 */
export async function chooseBackend(
  { backend, threads, gpu, tuning }: BackendChoice,
): Promise<Backend> {
  if (backend !== "cpu") {
    const adapter = gpu === "off"
      ? undefined
      : await findAdapter({ provider: gpu === "dawn" ? "dawn" : "deno" });
    if (adapter && (backend === "webgpu" || !isSoftware(adapter))) {
      return (await createWebgpuBackend({
        adapter,
        provider: gpu === "dawn" ? "dawn" : "deno",
        tuning,
      }))!;
    }
    if (backend === "webgpu") {
      throw new RangeError(
        'Cannot open backend "webgpu": no adapter found, expected a Vulkan or Metal driver; ' +
          'backend "cpu" needs none',
      );
    }
  }
  return createCpuBackend(threads === undefined ? {} : { threads });
}
