// Runs one kernel on host data: uploads, runs, downloads what the kernel wrote, frees.

import {
  type Backend,
  byteLength,
  type DType,
  type HostArray,
  type KernelTensors,
  type Tensor,
} from "../../compute/backend/backend.ts";
import {
  type Access,
  type KernelName,
  type KernelParams,
  KERNELS,
} from "../../compute/backend/kernels.ts";

/** A tensor on the host; bf16 as its packed words. */
export interface Input {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly data: HostArray;
}

/** The tensors of a kernel on the host, by name. */
export type Inputs<K extends KernelName> = {
  readonly [T in keyof typeof KERNELS[K]["tensors"]]: Input;
};

/** An f32 tensor. */
export function f32(shape: readonly number[], values: ArrayLike<number>): Input {
  return { shape, dtype: "f32", data: Float32Array.from(values) };
}

/** A u32 tensor. */
export function u32(shape: readonly number[], values: ArrayLike<number>): Input {
  return { shape, dtype: "u32", data: Uint32Array.from(values) };
}

/** A tensor of packed bf16: values rounded to nearest even, the first of two in the low half. */
export function bf16(shape: readonly number[], values: ArrayLike<number>): Input {
  const words = new Uint32Array(Math.ceil(values.length / 2));
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  for (let i = 0; i < values.length; i++) {
    float[0] = values[i]!;
    const rounded = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) >>> 16;
    words[i >> 1]! |= i % 2 === 0 ? rounded : rounded << 16;
  }
  return { shape, dtype: "bf16", data: words };
}

/** An f32 tensor full of NaN, for what a kernel must overwrite without reading it. */
export function blank(shape: readonly number[]): Input {
  const elements = shape.reduce((product, length) => product * length, 1);
  return { shape, dtype: "f32", data: new Float32Array(elements).fill(NaN) };
}

/** A u32 tensor of ones in every bit, for what a kernel must overwrite without reading it. */
export function blankU32(shape: readonly number[]): Input {
  const elements = shape.reduce((product, length) => product * length, 1);
  return { shape, dtype: "u32", data: new Uint32Array(elements).fill(0xffffffff) };
}

/** The values of a tensor in f64, exactly as the device sees them. */
export function values({ shape, dtype, data }: Input): Float64Array {
  if (dtype !== "bf16") return Float64Array.from(data);
  const elements = shape.reduce((product, length) => product * length, 1);
  const bits = new Uint32Array(elements);
  for (let i = 0; i < elements; i++) {
    bits[i] = i % 2 === 0 ? data[i >> 1]! << 16 : data[i >> 1]! & 0xffff0000;
  }
  return Float64Array.from(new Float32Array(bits.buffer));
}

/** Names of a kernel's tensors with their access, in the table's order. */
export function tensorsOf(kernel: KernelName): [string, Access][] {
  return Object.entries(KERNELS[kernel].tensors);
}

/** Uploads one tensor. */
export function toDevice(backend: Backend, { shape, dtype, data }: Input, label: string): Tensor {
  const tensor = backend.empty(shape, dtype, label);
  backend.write(tensor, data);
  return tensor;
}

/** Uploads the tensors of a kernel. */
export function upload<K extends KernelName>(
  backend: Backend,
  kernel: K,
  inputs: Inputs<K>,
): KernelTensors<K> {
  const entries = tensorsOf(kernel).map(([name]) => {
    const input: Input = inputs[name as keyof Inputs<K>];
    const { shape, dtype, data } = input;
    if (data.byteLength !== byteLength(shape, dtype)) {
      throw new RangeError(
        `Cannot upload "${name}": ${data.byteLength} bytes for [${shape}] ${dtype}`,
      );
    }
    return [name, toDevice(backend, input, `${kernel}.${name}`)];
  });
  return Object.fromEntries(entries) as KernelTensors<K>;
}

/** Downloads tensors by name. */
export async function download<K extends KernelName>(
  backend: Backend,
  tensors: KernelTensors<K>,
  names: readonly string[],
): Promise<Record<string, HostArray>> {
  const result: Record<string, HostArray> = {};
  for (const name of names) {
    result[name] = await backend.read(tensors[name as keyof KernelTensors<K>]);
  }
  return result;
}

/** Frees the tensors of a kernel. */
export function freeAll<K extends KernelName>(backend: Backend, tensors: KernelTensors<K>): void {
  for (const tensor of Object.values(tensors)) {
    backend.free(tensor as KernelTensors<K>[keyof KernelTensors<K>]);
  }
}

/** Runs a kernel and returns every tensor that it writes. */
export async function runKernel<K extends KernelName>(
  backend: Backend,
  kernel: K,
  inputs: Inputs<K>,
  params: KernelParams<K>,
): Promise<{ readonly [T in keyof typeof KERNELS[K]["tensors"]]: HostArray }> {
  const tensors = upload(backend, kernel, inputs);
  backend.run(kernel, tensors, params);
  const written = tensorsOf(kernel).filter(([, access]) => access !== "in").map(([name]) => name);
  const result = await download(backend, tensors, written);
  freeAll(backend, tensors);
  return result as { readonly [T in keyof typeof KERNELS[K]["tensors"]]: HostArray };
}
