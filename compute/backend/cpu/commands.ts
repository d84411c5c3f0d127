// Kernel calls as wasm/kernels reads them: fixed-size commands of 32-bit words.

import { type KernelTensors, size, type Tensor } from "../backend.ts";
import { type KernelName, type KernelParams, KERNELS, type KernelSpec } from "../kernels.ts";
import { checkCall } from "../check_call.ts";
import { kernelSizes } from "./kernel_sizes.ts";
import { type CpuStorage, storageOf } from "./memory.ts";

/** Words of a command: kernel, bf16 mask, 12 addresses, 10 numbers. */
const WORDS = 24;
const FIRST_TENSOR = 2;
const FIRST_PARAM = 14;
/** Heads larger than this would not fit the scratch memory of a tile. */
const MAX_HEAD_DIM = 256;

/** Bytes of a command. */
export const COMMAND_BYTES = WORDS * 4;

/** In place of a kernel: plans that threads share out among themselves. */
const FORK = 0xffffffff;

/** The command that runs plans side by side: `plans` are pairs of (commands, count), `controls` one for each thread. */
export function forkCommand(plans: number, count: number, controls: number): Uint32Array {
  const words = new Uint32Array(WORDS);
  words[0] = FORK;
  words[FIRST_TENSOR] = plans;
  words[FIRST_TENSOR + 1] = controls;
  words[FIRST_PARAM] = count;
  return words;
}

/** A checked call: what the kernels read, and the storages that must be alive when it runs. */
export interface Command {
  readonly words: Uint32Array;
  readonly storages: readonly CpuStorage[];
}

/**
 * Checks a call and encodes it.
 *
 * @param ids a kernel's position in the list that the wasm module exports.
 * @throws {TypeError} if a name or a type is wrong, or a tensor was freed.
 * @throws {RangeError} if a tensor is smaller than the numbers say.
 */
export function encodeCommand<K extends KernelName>(
  ids: ReadonlyMap<string, number>,
  kernel: K,
  tensors: KernelTensors<K>,
  params: KernelParams<K>,
): Command {
  checkCall(kernel, tensors, params);
  const spec: KernelSpec = KERNELS[kernel];
  const sizes = kernelSizes(kernel, params);
  const words = new Uint32Array(WORDS);
  const floats = new Float32Array(words.buffer);
  const storages: CpuStorage[] = [];
  words[0] = ids.get(kernel)!;
  Object.keys(spec.tensors).forEach((name, index) => {
    const tensor = (tensors as Readonly<Record<string, Tensor>>)[name]!;
    const storage = storageOf(tensor, `run ${kernel}`);
    if (size(tensor) < sizes[name]!) {
      throw new RangeError(
        `Cannot run ${kernel}: ${name} "${tensor.label}" has [${tensor.shape}] elements, ` +
          `expected ${sizes[name]}`,
      );
    }
    storages.push(storage);
    words[FIRST_TENSOR + index] = storage.address + tensor.offset;
    if (tensor.dtype === "bf16") words[1]! |= 1 << index;
  });
  const numbers: Readonly<Record<string, number>> = params;
  if ("head_dim" in numbers) checkHeads(kernel, numbers);
  Object.entries(spec.params).forEach(([name, type], index) => {
    const target = type === "f32" ? floats : words;
    target[FIRST_PARAM + index] = numbers[name]!;
  });
  return { words, storages };
}

function checkHeads(kernel: KernelName, { head_dim = 0 }: Readonly<Record<string, number>>): void {
  if (head_dim % 2 === 0 && head_dim > 0 && head_dim <= MAX_HEAD_DIM) return;
  throw new RangeError(
    `Cannot run ${kernel}: head_dim is ${head_dim}, expected an even number up to ${MAX_HEAD_DIM}`,
  );
}
