// What a run may use of a device.

import { CPU_MEMORY_BYTES } from "../../compute/backend/cpu/memory.ts";

/** What a run may use of a device. */
export interface DeviceMemory {
  readonly kind: "cpu" | "webgpu";
  readonly software: boolean;
  /** Bytes in all; undefined: the device does not say. */
  readonly bytes: number | undefined;
  /** Bytes of one tensor. */
  readonly maxTensorBytes: number;
  /** What sets the limit, for people. */
  readonly limit: string;
}

/** Share of the machine's memory that a device on the processor may take. */
const HOST_SHARE = 0.9;

/** The largest tensor of the cpu backend: signed 32-bit offsets inside it. */
const CPU_TENSOR_BYTES = 2 ** 31 - 65_536;

/**
 * What a run on the processor may use: a 32-bit address space, within the machine's memory.
 *
 * @param jobs runs that share that memory.
 */
export function cpuMemory(
  hostBytes: number = Deno.systemMemoryInfo().total,
  jobs = 1,
): DeviceMemory {
  const host = Math.floor(hostBytes * HOST_SHARE / jobs);
  const common = { kind: "cpu", software: false, maxTensorBytes: CPU_TENSOR_BYTES } as const;
  return host < CPU_MEMORY_BYTES
    ? {
      ...common,
      bytes: host,
      limit: `${showBytes(hostBytes)} of memory in this machine${
        jobs > 1 ? ` for ${jobs} runs` : ""
      }`,
    }
    : { ...common, bytes: CPU_MEMORY_BYTES, limit: "4 GiB, all that a 32-bit address reaches" };
}

/**
 * What a run on an open device may use.
 *
 * @param gpuBytes the GPU's memory, where the environment says: WebGPU does not.
 */
export function deviceMemory(
  { kind, software, maxTensorBytes }: {
    kind: "cpu" | "webgpu";
    software: boolean;
    maxTensorBytes: number;
  },
  gpuBytes: number | undefined,
  jobs = 1,
): DeviceMemory {
  if (kind === "cpu") return cpuMemory(undefined, jobs);
  const host = Deno.systemMemoryInfo().total;
  const bytes = software ? Math.floor(host * HOST_SHARE) : gpuBytes;
  const limit = software ? `${showBytes(host)} of memory in this machine` : "NOREGRET_GPU_MEMORY";
  return { kind, software, bytes, maxTensorBytes, limit };
}

/** A number of bytes for people. */
export function showBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  return `${(bytes / 1000 ** unit).toPrecision(3)} ${units[unit]}`;
}
