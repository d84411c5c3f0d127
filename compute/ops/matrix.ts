// A frozen matrix as it lies on a device, and as the products read it.

import type { Backend, Tensor } from "../backend/backend.ts";

/** A matrix in 4 bits, or a stack of them: [outputs, inputs] or [matrices, outputs, inputs]. */
export interface Nf4Matrix {
  readonly shape: readonly number[];
  readonly label: string;
  /** As KERNELS.dequantize_nf4 takes them. */
  readonly codes: Tensor;
  readonly scales: Tensor;
  readonly ranges: Tensor;
  readonly levels: Tensor;
}

/** A matrix of a linear layer. */
export type Matrix = Tensor | Nf4Matrix;

/** Calls `multiply` with a matrix as products read it: one in 4 bits may be expanded to f32 for as long as that takes. */
export function withDense<T>(
  backend: Backend,
  matrix: Matrix,
  multiply: (w: Tensor) => T,
): T {
  if (!("codes" in matrix)) return multiply(matrix);
  const { shape, label, codes, scales, ranges, levels } = matrix;
  if (backend.info.readsNf4) {
    return multiply({ ...codes, shape, label, dtype: "nf4", nf4: { scales, ranges, levels } });
  }
  const dense = backend.empty(shape, "f32", `${label}.dense`);
  const matrices = shape.length === 3 ? shape[0]! : 1;
  const elements = shape.at(-1)! * shape.at(-2)!;
  backend.run("dequantize_nf4", { codes, scales, ranges, levels, y: dense }, {
    elements,
    matrices,
  });
  const result = multiply(dense);
  backend.free(dense);
  return result;
}
