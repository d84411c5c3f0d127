// The devices that a worker trains on: the GPU where there is one, and the processor, which counts as
// NOREGRET_JOBS devices. Each has one run at a time.

import { adapterName, findAdapter, isSoftware } from "../../compute/backend/webgpu/adapter.ts";
import type { Configuration } from "../configuration.ts";
import { log } from "../log.ts";
import type { WorkerDevice } from "../spec/worker.ts";
import { cpuMemory, deviceMemory } from "./device_memory.ts";

/** Limits of an adapter that bound what can be trained. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
] as const;

/** An adapter's name for people. */
export function describeAdapter(adapter: GPUAdapter): string {
  return adapterName(adapter) + (isSoftware(adapter) ? " (emulated on the processor)" : "");
}

/** Those limits of an adapter, in bytes and counts. */
export function adapterLimits(adapter: GPUAdapter): Record<string, number> {
  return Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
}

/** What a process with this configuration trains on; nothing where it only serves. */
export async function workerDevices(
  { jobs, gpu, gpuMemory }: Pick<Configuration, "jobs" | "gpu" | "gpuMemory">,
): Promise<WorkerDevice[]> {
  if (jobs === 0) return [];
  const adapter = gpu === "off" ? undefined : await findAdapter({
    provider: gpu === "dawn" ? "dawn" : "deno",
  }).catch((error) => void log("error", "Cannot use the GPU", {}, error));
  const software = adapter !== undefined && isSoftware(adapter);
  const devices: WorkerDevice[] = [];
  if (adapter) {
    const { bytes } = deviceMemory(
      { kind: "webgpu", software, maxTensorBytes: adapter.limits.maxBufferSize },
      gpuMemory,
      jobs,
    );
    devices.push({
      name: describeAdapter(adapter),
      backend: "webgpu",
      takes_auto: !software,
      memory_bytes: bytes ?? null,
      limits: adapterLimits(adapter),
    });
  }
  const cores = navigator.hardwareConcurrency;
  for (let job = 1; job <= jobs; job++) {
    devices.push({
      name: `WebAssembly on ${cores} cores${jobs > 1 ? `, ${job} of ${jobs}` : ""}`,
      backend: "cpu",
      takes_auto: adapter === undefined || software,
      memory_bytes: cpuMemory(undefined, jobs).bytes!,
      limits: { cores },
    });
  }
  return devices;
}
