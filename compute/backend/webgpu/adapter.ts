// Adapter → device: which one, with which limits and features.

import type { DeviceFeatures } from "./dispatch.ts";
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
const WANTED_FEATURES: readonly GPUFeatureName[] = ["shader-f16", "subgroups", "timestamp-query"];

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

/** Asks for a device with the adapter's largest buffers and workgroups, and what it has of the wanted features. */
export async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const requiredLimits: Record<string, number> = {};
  for (const limit of RAISED_LIMITS) {
    const best = adapter.limits[limit];
    if (typeof best === "number") requiredLimits[limit] = best;
  }
  const listed = WANTED_FEATURES.filter((feature) => adapter.features.has(feature));
  const request = (features: readonly GPUFeatureName[]) =>
    adapter.requestDevice({
      label: "noregret",
      requiredLimits,
      requiredFeatures: [...features],
    });
  if (listed.includes("subgroups")) return await request(listed);
  // Deno does not list subgroups, and gives them to those who ask where the driver has them.
  return await request([...listed, "subgroups"]).catch(() => request(listed));
}

/** What kernels may use of a device. */
export function deviceFeatures(adapter: GPUAdapter, device: GPUDevice): DeviceFeatures {
  const { subgroupMinSize, subgroupMaxSize } = adapter.info as GPUAdapterInfo & {
    subgroupMinSize?: number;
    subgroupMaxSize?: number;
  };
  const size = device.features.has("subgroups") && subgroupMinSize === subgroupMaxSize
    ? subgroupMaxSize
    : undefined;
  return {
    f16: device.features.has("shader-f16"),
    subgroup: size === undefined ? undefined : { size },
  };
}
