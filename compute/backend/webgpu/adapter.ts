// Adapter → device: which one, with which limits and features.

import { type GpuProvider, loadGpu } from "./provider.ts";

/** What to look for in an adapter. */
export interface AdapterOptions {
  /** @default {"deno"} */
  readonly provider?: GpuProvider;
  /** @default {"high-performance"} */
  readonly powerPreference?: GPUPowerPreference;
  /** An adapter at hand; then `provider` and `powerPreference` are not used. */
  readonly adapter?: GPUAdapter;
}

/** Names of drivers that run shaders on the processor. */
const SOFTWARE = /llvmpipe|lavapipe|softpipe|swiftshader|basic render/i;

/** Limits of which the adapter's best is asked for; a device has the portable minimum otherwise. */
const RAISED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
] as const;

/** Features that kernels use where the adapter lists them. */
const WANTED_FEATURES = ["shader-f16", "subgroups", "timestamp-query"] as const;

/** Finds an adapter, or `undefined` if there is none. */
export async function findAdapter(options: AdapterOptions = {}): Promise<GPUAdapter | undefined> {
  if (options.adapter !== undefined) return options.adapter;
  const gpu = await loadGpu(options.provider ?? "deno");
  const powerPreference = options.powerPreference ?? "high-performance";
  return await gpu?.requestAdapter({ powerPreference }) ?? undefined;
}

/** Whether the adapter is a GPU emulated on the processor. */
export function isSoftware(adapter: GPUAdapter): boolean {
  const info = adapter.info as GPUAdapterInfo & { isFallbackAdapter?: boolean };
  return info.isFallbackAdapter === true || SOFTWARE.test(adapterName(adapter));
}

/** A name that a person recognises. */
export function adapterName(adapter: GPUAdapter): string {
  const { description, device, vendor, architecture } = adapter.info;
  return description || [vendor, architecture, device].filter(Boolean).join(" ") ||
    "WebGPU adapter";
}

/** Asks for a device with the adapter's largest buffers and workgroups. */
export async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const requiredLimits: Record<string, number> = {};
  for (const limit of RAISED_LIMITS) {
    const best = adapter.limits[limit];
    if (typeof best === "number") requiredLimits[limit] = best;
  }
  const requiredFeatures = WANTED_FEATURES.filter((feature) => adapter.features.has(feature));
  return await adapter.requestDevice({
    label: "noregret",
    requiredLimits,
    requiredFeatures: requiredFeatures as GPUFeatureName[],
  });
}
