// Weights by name from one or more safetensors files, converted to what a device stores.

import type { DType, HostArray } from "../backend/backend.ts";
import { type ByteSource, readSafetensorsHeader, type TensorEntry } from "./safetensors.ts";

/** A model's weights, read one at a time. */
export interface WeightSource {
  readonly names: ReadonlySet<string>;
  shape(name: string): readonly number[];
  /** A weight as f32, or as bf16 packed two to a u32. */
  read(name: string, dtype: "f32" | "bf16"): Promise<HostArray>;
}

/** Opens safetensors files; a name may occur in one of them only. */
export async function openWeights(sources: readonly ByteSource[]): Promise<WeightSource> {
  const entries = new Map<string, { source: ByteSource; entry: TensorEntry }>();
  for (const source of sources) {
    for (const [name, entry] of await readSafetensorsHeader(source)) {
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
    async read(name, dtype) {
      const { source, entry } = find(name);
      return convert(await source.read(entry.offset, entry.bytes), entry.dtype, dtype, name);
    },
  };
}

/**
 * Checks that a source holds what a model needs, with the right shapes.
 *
 * @throws {RangeError} that names the first weight which does not fit.
 */
export function checkWeights(
  source: WeightSource,
  shapes: ReadonlyMap<string, readonly number[]>,
): void {
  for (const [name, shape] of shapes) {
    if (!source.names.has(name)) {
      throw new RangeError(`Cannot load the model: its weights have no "${name}" [${shape}]`);
    }
    const actual = source.shape(name);
    if (actual.join() !== shape.join()) {
      throw new RangeError(
        `Cannot load the model: "${name}" is [${actual}], config.json asks for [${shape}]`,
      );
    }
  }
}

function convert(
  bytes: Uint8Array,
  from: string,
  to: Exclude<DType, "u32">,
  name: string,
): HostArray {
  // Offsets in a file need not be aligned; a copy is.
  const buffer = bytes.slice().buffer;
  if (from === "BF16" && to === "bf16") {
    const words = new Uint32Array(Math.ceil(bytes.length / 4));
    new Uint8Array(words.buffer).set(new Uint8Array(buffer));
    return words;
  }
  const f32 = toF32(buffer, from, name);
  return to === "f32" ? f32 : packBf16(f32);
}

function toF32(buffer: ArrayBuffer, from: string, name: string): Float32Array {
  switch (from) {
    case "F32":
      return new Float32Array(buffer);
    case "F64":
      return Float32Array.from(new Float64Array(buffer));
    case "F16":
      return Float32Array.from(new Float16Array(buffer));
    case "BF16": {
      const halves = new Uint16Array(buffer);
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
