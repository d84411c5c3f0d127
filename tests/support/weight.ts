// Weights of products on a device, in each type, beside their values.

import type { Backend, Tensor } from "../../compute/backend/backend.ts";
import { LEVELS, quantizeScales, quantizeValues } from "../../compute/models/nf4.ts";
import { normals } from "./random.ts";
import { dequantizeNf4 } from "./reference/nf4.ts";
import { bf16, f32, toDevice, u32, values } from "./run_kernel.ts";

/** A weight as a product reads it, and its values. */
export interface Weight {
  readonly tensor: Tensor;
  readonly values: Float64Array;
}

/** A matrix of normal values, or a stack of them, in a type that products read. */
export function weight(
  backend: Backend,
  dtype: "f32" | "bf16" | "nf4",
  shape: readonly number[],
  scale: number,
): Weight {
  const elements = shape.reduce((product, length) => product * length, 1);
  const plain = normals(7, elements, scale);
  if (dtype !== "nf4") {
    const input = (dtype === "f32" ? f32 : bf16)(shape, plain);
    return { tensor: toDevice(backend, input, "w"), values: values(input) };
  }
  const one = shape.at(-1)! * shape.at(-2)!;
  const matrices = Array.from({ length: elements / one }, (_, i) => {
    const { codes, scales } = quantizeValues(
      Float32Array.from(plain.slice(i * one, (i + 1) * one)),
    );
    return { codes, ...quantizeScales(scales) };
  });
  const put = (kind: "codes" | "scales" | "ranges") => {
    const all = matrices.flatMap((matrix) => [...matrix[kind]]);
    return toDevice(backend, (kind === "ranges" ? f32 : u32)([all.length], all), kind);
  };
  const levels = toDevice(backend, f32([LEVELS.length], LEVELS), "levels");
  return {
    tensor: {
      ...put("codes"),
      shape,
      dtype: "nf4",
      nf4: { scales: put("scales"), ranges: put("ranges"), levels },
    },
    values: Float64Array.from(
      matrices.flatMap((matrix) => [...dequantizeNf4(matrix, LEVELS, one)]),
    ),
  };
}
