// Kernel calls as wasm/kernels reads them: fixed-size commands of 32-bit words.

import { type KernelTensors, size, type Tensor } from "../backend.ts";
import { type KernelName, type KernelParams, KERNELS, type KernelSpec } from "../kernels.ts";
import { checkCall } from "../check_call.ts";
import { kernelSizes } from "./kernel_sizes.ts";
import { type CpuStorage, storageOf } from "./memory.ts";

/** Words of a command: kernel, masks of bf16 and nf4, 12 addresses, 10 numbers. */
const WORDS = 24;
const FIRST_TENSOR = 2;
const FIRST_PARAM = 14;
/** Bits from a tensor's in the mask of bf16 to its in that of nf4. */
const NF4_SHIFT = 16;
/** Where the scales, ranges and levels of a tensor in 4 bits lie: behind every kernel's own. */
const NF4_TENSORS = 9;
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
  const place = (tensor: Tensor, name: string, index: number, expected: number) => {
    const storage = storageOf(tensor, `run ${kernel}`);
    if (size(tensor) < expected) {
      throw new RangeError(
        `Cannot run ${kernel}: ${name} "${tensor.label}" has [${tensor.shape}] elements, ` +
          `expected ${expected}`,
      );
    }
    storages.push(storage);
    words[FIRST_TENSOR + index] = storage.address + tensor.offset;
  };
  Object.keys(spec.tensors).forEach((name, index) => {
    const tensor = (tensors as Readonly<Record<string, Tensor>>)[name]!;
    place(tensor, name, index, sizes[name]!);
    if (tensor.dtype === "bf16") words[1]! |= 1 << index;
    if (tensor.dtype === "nf4") {
      words[1]! |= 1 << NF4_SHIFT + index;
      const [matrices, elements] = stackOf(tensor);
      const lengths = kernelSizes("dequantize_nf4", { matrices, elements });
      (["scales", "ranges", "levels"] as const).forEach((part, i) =>
        place(tensor.nf4![part], `${name}.${part}`, NF4_TENSORS + i, lengths[part]!)
      );
    }
  });
  const numbers: Readonly<Record<string, number>> = params;
  if ("head_dim" in numbers) checkHeads(kernel, numbers);
  Object.entries(spec.params).forEach(([name, type], index) => {
    const target = type === "f32" ? floats : words;
    target[FIRST_PARAM + index] = numbers[name]!;
  });
  return { words, storages };
}

/** How many matrices a tensor holds, and the elements of each. */
function stackOf({ shape }: Tensor): [matrices: number, elements: number] {
  const elements = shape.at(-1)! * shape.at(-2)!;
  return [shape.length === 3 ? shape[0]! : 1, elements];
}

function checkHeads(kernel: KernelName, { head_dim = 0 }: Readonly<Record<string, number>>): void {
  if (head_dim % 2 === 0 && head_dim > 0 && head_dim <= MAX_HEAD_DIM) return;
  throw new RangeError(
    `Cannot run ${kernel}: head_dim is ${head_dim}, expected an even number up to ${MAX_HEAD_DIM}`,
  );
}
