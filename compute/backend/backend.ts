// What a device can do. Everything above this file is the same on every device; everything that
// differs is behind this interface, in cpu/ and webgpu/. Tensors are untyped memory with a shape:
// a backend gives no meaning to an operation beyond the kernel table.

import type { KernelName, KernelParams, KERNELS } from "./kernels.ts";

/** Element types in device memory. `bf16` is packed, two values to a u32; `nf4` eight, with scales beside them. */
export type DType = "f32" | "u32" | "bf16" | "nf4";

/** Host arrays that go to and come from a device: bf16 travels as its packed u32 words. */
export type HostArray = Float32Array | Uint32Array;

/** Memory owned by a backend. `id` is unique within the backend. */
export interface Storage {
  readonly id: number;
  readonly bytes: number;
}

/** A shape over device memory. `offset` counts bytes from the start of its storage. */
export interface Tensor {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly label: string;
  /** Of an `nf4` matrix or stack of them, whose codes the tensor itself holds: the rest of KERNELS.dequantize_nf4. */
  readonly nf4?: { readonly scales: Tensor; readonly ranges: Tensor; readonly levels: Tensor };
}

/** A kernel with its numbers, as it was recorded. */
export interface KernelCall {
  readonly kernel: KernelName;
  readonly params: Readonly<Record<string, number>>;
  /** Names of the tensors that are packed bf16. */
  readonly packed: readonly string[];
}

/** A kernel call by its shapes: its tensors need no memory. */
export interface ShapedCall {
  readonly kernel: KernelName;
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly params: Readonly<Record<string, number>>;
}

/** A recorded sequence of kernels, with the memory that only they use. Replaying it costs the host next to nothing. */
export interface Plan {
  readonly label: string;
  /** In the order they run. */
  readonly calls: readonly KernelCall[];
  /** Bytes of the tensors made while recording. */
  readonly workspaceBytes: number;
}

/** What each call of a plan took in one run, in milliseconds. */
export interface PlanTiming {
  /** From the end of the call before it (on a GPU from its own start) to its end on all threads. */
  readonly calls: Float64Array;
  /** Of that, how long a thread waited for the others, on average over threads. */
  readonly waits: Float64Array;
}

/** Facts about the device, reported with every run. */
export interface DeviceInfo {
  readonly kind: "cpu" | "webgpu";
  /** A name that a person recognises: the adapter's, or the processor's with its thread count. */
  readonly device: string;
  /** True for a GPU emulated on the processor. */
  readonly software: boolean;
  /** Plans that {@linkcode Backend.replayEach} runs at the same time: threads, or 1. */
  readonly lanes: number;
  /** Largest tensor that every kernel takes, in bytes; a device may split larger frozen weights. */
  readonly maxTensorBytes: number;
  /** Whether products read weights in 4 bits; else they have to be expanded first. */
  readonly readsNf4: boolean;
}

/** Bytes and buffers alive on a device. */
export interface MemoryUse {
  readonly bytes: number;
  readonly peakBytes: number;
  readonly buffers: number;
}

/** The tensors of a kernel, by name. */
export type KernelTensors<K extends KernelName> = {
  readonly [T in keyof typeof KERNELS[K]["tensors"]]: Tensor;
};

/** A device. */
export interface Backend {
  readonly info: DeviceInfo;

  /**
   * Makes a tensor with undefined contents. While recording, memory freed earlier in the same
   * recording is used again, and all of it belongs to the plan.
   *
   * @throws {RangeError} if the tensor is larger than the device allows or memory is exhausted.
   */
  empty(shape: readonly number[], dtype: DType, label: string): Tensor;

  /** Gives a tensor's storage back. Views share their storage and are not freed one by one. Using a freed tensor throws. */
  free(tensor: Tensor): void;

  /** Copies host data to the start of a tensor, ordered with the kernels before and after. Not recorded. */
  write(tensor: Tensor, data: HostArray): void;

  /** Waits for the kernels before it and copies a tensor to the host. Not recorded. */
  read(tensor: Tensor): Promise<HostArray>;

  /** Runs a kernel, or records it inside {@linkcode record}. Checks tensors and params against the table. */
  run<K extends KernelName>(kernel: K, tensors: KernelTensors<K>, params: KernelParams<K>): void;

  /** Records the kernels that `body` runs instead of running them. Recordings do not nest. */
  record(label: string, body: () => void): Plan;

  /** Runs the kernels of plans, one plan after another, in one submission. Does not wait for them. */
  replay(...plans: Plan[]): void;

  /**
   * Runs plans that do not depend on each other, at the same time where that is faster; their results
   * are those of replaying one after another. No plan may write what another one reads or writes.
   */
  replayEach(plans: readonly Plan[]): void;

  /** {@linkcode replay} with a clock: `undefined` where the device has none, and then nothing runs. */
  time(plan: Plan): Promise<PlanTiming | undefined>;

  /**
   * Makes ready what calls of these shapes need: kernels are compiled, and where there are several ways to
   * compute one, they are measured once. Without it that happens when a kernel is first run, unmeasured.
   */
  prepare(calls: readonly ShapedCall[]): Promise<void>;

  /** Frees a plan's memory. */
  release(plan: Plan): void;

  /** Resolves when all submitted kernels are done. */
  sync(): Promise<void>;

  memory(): MemoryUse;

  /** Frees everything; the backend is of no use afterwards. */
  close(): void;
}

/** What a plan remembers of a call. */
export function kernelCall(
  kernel: KernelName,
  tensors: Readonly<Record<string, Tensor>>,
  params: Readonly<Record<string, number>>,
): KernelCall {
  const packed = Object.keys(tensors).filter((name) => tensors[name]!.dtype === "bf16");
  return { kernel, params, packed };
}

/** Bytes of `shape` elements of a type. */
export function byteLength(shape: readonly number[], dtype: DType): number {
  const elements = shape.reduce((product, size) => product * size, 1);
  if (dtype === "nf4") {
    const matrix = (shape.at(-1) ?? 1) * (shape.at(-2) ?? 1);
    return matrix === 0 ? 0 : elements / matrix * Math.ceil(matrix / 8) * 4;
  }
  return dtype === "bf16" ? Math.ceil(elements / 2) * 4 : elements * 4;
}

/** Elements in a tensor. */
export function size(tensor: Tensor): number {
  return tensor.shape.reduce((product, length) => product * length, 1);
}

/**
 * A tensor over part of another's memory; `elementOffset` counts elements of its type.
 *
 * @throws {RangeError} if the part does not lie inside.
 */
export function view(
  tensor: Tensor,
  elementOffset: number,
  shape: readonly number[],
  label: string = tensor.label,
): Tensor {
  const from = tensor.dtype === "bf16" ? elementOffset * 2 : elementOffset * 4;
  const available = byteLength(tensor.shape, tensor.dtype);
  if (from < 0 || from % 4 !== 0 || from + byteLength(shape, tensor.dtype) > available) {
    throw new RangeError(
      `Cannot view ${label} as [${shape}] at element ${elementOffset}: ` +
        `"${tensor.label}" has [${tensor.shape}] elements`,
    );
  }
  return { ...tensor, offset: tensor.offset + from, shape, label };
}
