// Weights by name from one or more safetensors files, converted to what a device stores.

import type { HostArray } from "../backend/backend.ts";
import {
  type ByteSource,
  ELEMENT_BYTES,
  readSafetensorsHeader,
  type TensorEntry,
} from "./safetensors.ts";

/** Part of a weight: `data` begins with element `at` and is valid until the next part is asked for. */
export interface WeightPart {
  readonly at: number;
  readonly data: HostArray;
}

/** A model's weights, read one at a time. */
export interface WeightSource {
  readonly names: ReadonlySet<string>;
  shape(name: string): readonly number[];
  /** A weight as f32, or as bf16 packed two to a u32. */
  read(name: string, dtype: "f32" | "bf16"): Promise<HostArray>;
  /** The same in parts of a few MB, for weights that are not in memory. */
  parts?(name: string, dtype: "f32" | "bf16"): AsyncIterable<WeightPart>;
  /** How a file stores it, in safetensors' words. */
  storedAs?(name: string): string;
}

/** Elements of a part: whole blocks of NF4, so also an even number, and packed ones begin on a word. */
const PART_ELEMENTS = 1 << 20;

/** Types that are read as numbers; others are codes of some quantisation. */
const FLOATS = ["F64", "F32", "F16", "BF16"];

/** Opens safetensors files; a name may occur in one of them only. */
export async function openWeights(sources: readonly ByteSource[]): Promise<WeightSource> {
  const entries = new Map<string, { source: ByteSource; entry: TensorEntry }>();
  for (const source of sources) {
    for (const [name, entry] of splitExperts(await readSafetensorsHeader(source))) {
      const other = entries.get(name);
      if (other) {
        throw new SyntaxError(
          `Cannot read ${source.name}: "${name}" is also in ${other.source.name}`,
        );
      }
      entries.set(name, { source, entry });
    }
  }
  const find = (name: string) => {
    const found = entries.get(name);
    if (!found) throw new SyntaxError(`Cannot read weights: no tensor "${name}"`);
    return found;
  };
  return {
    names: new Set(entries.keys()),
    shape: (name) => find(name).entry.shape,
    storedAs: (name) => find(name).entry.dtype,
    async read(name, dtype) {
      const { source, entry } = find(name);
      // Offsets in a file need not be aligned; a copy is.
      const bytes = (await source.read(entry.offset, entry.bytes)).slice();
      return convert(bytes, entry.dtype, dtype, name);
    },
    async *parts(name, dtype) {
      const { source, entry } = find(name);
      const size = ELEMENT_BYTES[entry.dtype]!;
      const room = new Uint8Array(Math.min(PART_ELEMENTS * size, entry.bytes));
      for (let at = 0; at * size < entry.bytes; at += PART_ELEMENTS) {
        const length = Math.min(room.length, entry.bytes - at * size);
        const into = room.subarray(0, length);
        const bytes = await source.read(entry.offset + at * size, length, into);
        if (bytes !== into) into.set(bytes);
        yield { at, data: convert(into, entry.dtype, dtype, name) };
      }
    },
  };
}

/**
 * Experts that newer transformers hold fused ([experts, outputs, inputs], gate before up) under the names of
 * single ones.
 */
function splitExperts(entries: Map<string, TensorEntry>): Map<string, TensorEntry> {
  const split = new Map<string, TensorEntry>();
  for (const [name, entry] of entries) {
    const fused = /^(.*\.mlp\.experts)\.(gate_up_proj|down_proj)$/.exec(name);
    if (!fused || entry.shape.length !== 3) {
      split.set(name, entry);
      continue;
    }
    const [, prefix, kind] = fused;
    const leaves = kind === "down_proj" ? ["down_proj"] : ["gate_proj", "up_proj"];
    const [experts, outputs, inputs] = entry.shape as [number, number, number];
    const shape = [outputs / leaves.length, inputs];
    const bytes = entry.bytes / experts / leaves.length;
    for (let e = 0; e < experts; e++) {
      leaves.forEach((leaf, i) => {
        const offset = entry.offset + (e * leaves.length + i) * bytes;
        split.set(`${prefix}.${e}.${leaf}.weight`, { ...entry, shape, bytes, offset });
      });
    }
  }
  return split;
}

/** The first few of many names, for a message. */
function some(names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => `"${name}"`).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

/** Tensors that checkpoints hold beside the weights: they follow from config.json. */
function isDerived(name: string, shapes: ReadonlyMap<string, unknown>): boolean {
  return name.endsWith(".rotary_emb.inv_freq") ||
    (name === "lm_head.weight" && !shapes.has(name));
}

/**
 * Checks that a source holds what a model needs, with the right shapes, as numbers.
 *
 * @throws {RangeError} that names the weights which do not fit.
 */
export function checkWeights(
  source: WeightSource,
  shapes: ReadonlyMap<string, readonly number[]>,
): void {
  const fail = (why: string): never => {
    throw new RangeError(`Cannot load the model: ${why}`);
  };
  const missing = [...shapes.keys()].filter((name) => !source.names.has(name));
  if (missing.length > 0) {
    fail(`its weights have no ${some(missing)} [${shapes.get(missing[0]!)}]`);
  }
  for (const [name, shape] of shapes) {
    const actual = source.shape(name);
    if (actual.join() !== shape.join()) {
      fail(`"${name}" is [${actual}], config.json asks for [${shape}]`);
    }
    const dtype = source.storedAs?.(name) ?? "F32";
    if (!FLOATS.includes(dtype)) {
      fail(`"${name}" is ${dtype}: expected F32, F16 or BF16, not a quantised checkpoint`);
    }
  }
}

/**
 * Checks that a source holds nothing but what a model needs.
 *
 * @throws {RangeError} that names what else there is.
 */
export function checkNoOthers(
  source: WeightSource,
  shapes: ReadonlyMap<string, readonly number[]>,
): void {
  const others = [...source.names].filter((name) => !shapes.has(name) && !isDerived(name, shapes));
  if (others.length === 0) return;
  throw new RangeError(
    `Cannot load the model: its weights hold ${some(others)}, for which config.json has no place`,
  );
}

/**
 * Checks files against `model.safetensors.index.json`: each tensor lies in the file that the index names.
 *
 * @throws {SyntaxError} that names what is missing or not listed.
 */
export async function checkIndex(
  index: ReadonlyMap<string, string>,
  sources: readonly ByteSource[],
): Promise<void> {
  for (const source of sources) {
    const held = new Set((await readSafetensorsHeader(source)).keys());
    const listed = [...index].filter(([, file]) => file === source.name).map(([name]) => name);
    const missing = listed.filter((name) => !held.has(name));
    if (missing.length > 0) {
      throw new SyntaxError(
        `Cannot read ${source.name}: it has no ${some(missing)}, which its index lists there`,
      );
    }
    const extra = [...held].filter((name) => index.get(name) !== source.name);
    if (extra.length > 0) {
      throw new SyntaxError(
        `Cannot read ${source.name}: its index does not list ${some(extra)} there`,
      );
    }
  }
}

/** `bytes` begin on a word. */
function convert(
  bytes: Uint8Array<ArrayBuffer>,
  from: string,
  to: "f32" | "bf16",
  name: string,
): HostArray {
  if (from === "BF16" && to === "bf16") {
    // A last half word is padded.
    if (bytes.length % 4 === 0) return new Uint32Array(bytes.buffer, 0, bytes.length / 4);
    const words = new Uint32Array(Math.ceil(bytes.length / 4));
    new Uint8Array(words.buffer).set(bytes);
    return words;
  }
  const f32 = toF32(bytes, from, name);
  return to === "f32" ? f32 : packBf16(f32);
}

function toF32(bytes: Uint8Array<ArrayBuffer>, from: string, name: string): Float32Array {
  const { buffer, length } = bytes;
  switch (from) {
    case "F32":
      return new Float32Array(buffer, 0, length / 4);
    case "F64":
      return Float32Array.from(new Float64Array(buffer, 0, length / 8));
    case "F16":
      return Float32Array.from(new Float16Array(buffer, 0, length / 2));
    case "BF16": {
      const halves = new Uint16Array(buffer, 0, length / 2);
      const words = new Uint32Array(halves.length);
      for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
      return new Float32Array(words.buffer);
    }
    default:
      throw new TypeError(`Cannot convert "${name}" from ${from}: expected F32, F64, F16 or BF16`);
  }
}

/** Rounds to bf16 (to nearest, ties to even) and packs two values to a u32, the first in the low half. */
export function packBf16(values: Float32Array): Uint32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const packed = new Uint32Array(Math.ceil(values.length / 2));
  for (let i = 0; i < values.length; i++) {
    const word = bits[i]!;
    const nan = (word & 0x7fffffff) > 0x7f800000;
    const half = nan ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
    packed[i >> 1]! |= (half & 0xffff) << (16 * (i & 1));
  }
  return packed;
}
