// A frozen linear layer with several adapters, each for its own part of the rows: y = x Wᵀ everywhere, and
// part k of K gets the share of adapter k. x [N, I], K divides N, W [O, I], A_k [R_k, I], B_k [O, R_k], y [N, O].
// Each part is the product that the adapter would be if it were alone, so that no bit depends on its company.

import { type Backend, type Tensor, view } from "../backend/backend.ts";
import {
  linearBackward,
  type LinearGradients,
  linearInto,
  type LinearSaved,
  type LoraWeights,
} from "./linear.ts";
import { type Matrix, withDense } from "./matrix.ts";

/** The adapters of as many equal parts of the rows; undefined: those rows have none. */
export type LoraEach<Lora extends LoraWeights = LoraWeights> = readonly (Lora | undefined)[];

/** Part `index` of `parts` of a matrix's rows. */
export function rowsOf(tensor: Tensor, index: number, parts: number): Tensor {
  const [rows, ...rest] = tensor.shape as [number, ...number[]];
  if (rows % parts !== 0) {
    throw new RangeError(`Cannot split ${rows} rows of ${tensor.label} into ${parts} equal parts`);
  }
  const each = rows / parts;
  const width = rest.reduce((product, n) => product * n, 1);
  return view(tensor, index * each * width, [each, ...rest]);
}

/** y, and for each part what its backward pass needs. */
export function linearEachForward(
  backend: Backend,
  x: Tensor,
  w: Matrix,
  each: LoraEach,
): { y: Tensor; saved: readonly LinearSaved[] } {
  const y = backend.empty([x.shape[0]!, w.shape[0]!], "f32", `${w.label}.out`);
  const part = (tensor: Tensor, index: number) => rowsOf(tensor, index, each.length);
  const saved = withDense(
    backend,
    w,
    (w) => each.map((lora, i) => linearInto(backend, part(x, i), w, part(y, i), lora)),
  );
  return { y, saved };
}

/** Gradients of one adapter's matrices; those left out are not computed. */
export type LoraGradients = Pick<LinearGradients, "dA" | "dB">;

/** dX (=|+=) for all rows, and dA_k +=, dB_k += from the rows of part k. */
export function linearEachBackward(
  backend: Backend,
  x: Tensor,
  w: Matrix,
  dY: Tensor,
  { dX, each: gradients }: {
    readonly dX?: LinearGradients["dX"];
    readonly each: readonly LoraGradients[];
  },
  each: LoraEach,
  saved: readonly LinearSaved[],
): void {
  const part = (tensor: Tensor, index: number) => rowsOf(tensor, index, each.length);
  const backward = (w: Matrix) =>
    each.forEach((lora, i) =>
      linearBackward(
        backend,
        part(x, i),
        w,
        part(dY, i),
        { ...gradients[i], dX: dX && { ...dX, tensor: part(dX.tensor, i) } },
        lora,
        saved[i],
      )
    );
  // Expanded once for all parts; without dX nobody reads it.
  if (dX) withDense(backend, w, backward);
  else backward(w);
}
