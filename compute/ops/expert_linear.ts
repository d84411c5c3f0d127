// A linear layer for each expert: y = x W[g]ᵀ + scaling · (x A[g]ᵀ) B[g]ᵀ for the rows of expert g, as in
// linear.ts. x [S, I] in the order of RowGroups, W [E, O, I], A [E, R, I], B [E, O, R], y [S, O].

import type { Backend, Tensor } from "../backend/backend.ts";
import { gatherChoice } from "./expert_rows.ts";
import type { AdapterSelection, LinearGradients, LinearSaved, LoraWeights } from "./linear.ts";
import { type Matrix, withDense } from "./matrix.ts";
import type { RowGroups } from "./route.ts";

function dimensions(x: Tensor, w: Matrix) {
  const [rows, inputs] = x.shape as [number, number];
  const [groups, outputs, columns] = w.shape as [number, number, number];
  if (inputs !== columns) {
    throw new RangeError(
      `Cannot multiply ${x.label} [${x.shape}] with "${w.label}" [${w.shape}]: ` +
        `expected ${columns} columns but found ${inputs}`,
    );
  }
  return { rows, inputs, outputs, groups };
}

/** y = x W[g]ᵀ, with the adapters' share if there are any. */
export function expertLinearForward(
  backend: Backend,
  x: Tensor,
  w: Matrix,
  rowGroups: RowGroups,
  lora?: LoraWeights,
): { y: Tensor } & LinearSaved {
  const { offsets } = rowGroups;
  const { rows, inputs: k, outputs: n, groups } = dimensions(x, w);
  const y = backend.empty([rows, n], "f32", `${w.label}.out`);
  if (!lora) {
    const params = { rows, n, k, groups, alpha: 1, accumulate: 0 };
    withDense(
      backend,
      w,
      (w) => backend.run("grouped_gemm_nt", { x, w, offsets, y }, params),
    );
    return { y };
  }
  const r = lora.a.shape[1]!;
  const xa = backend.empty([rows, r], "f32", `${w.label}.xa`);
  const params = { rows, n: r, k, groups, alpha: lora.scaling, accumulate: 0 };
  backend.run("grouped_gemm_nt", { x, w: lora.a, offsets, y: xa }, params);
  if (lora.select) selectRows(backend, xa, lora.select, rowGroups);
  const tensors = { x, xa, b: lora.b, offsets, y };
  withDense(
    backend,
    w,
    (w) => backend.run("grouped_lora_forward", { ...tensors, w }, { rows, n, k, r, groups }),
  );
  return { y, xa };
}

/** Leaves each row the columns of its token's adapter. */
function selectRows(
  backend: Backend,
  xa: Tensor,
  { choice, owner, scale }: AdapterSelection,
  groups: RowGroups,
): void {
  const [rows, cols] = xa.shape as [number, number];
  const own = gatherChoice(backend, choice, groups);
  backend.run("select_columns", { x: xa, choice: own, owner, scale }, { rows, cols });
  backend.free(own);
}

/**
 * Gradients of {@linkcode expertLinearForward}, expert by expert those of linear.ts. `x` is read for dW and dA
 * only.
 */
export function expertLinearBackward(
  backend: Backend,
  x: Tensor | undefined,
  w: Matrix,
  { offsets }: RowGroups,
  dY: Tensor,
  { dX, dW, dA, dB }: LinearGradients,
  lora?: LoraWeights,
  saved?: LinearSaved,
): void {
  const rows = dY.shape[0]!;
  const [groups, outputs, inputs] = w.shape as [number, number, number];
  const accumulate = dX?.accumulate ? 1 : 0;
  if (dW && x) {
    const params = { rows, m: outputs, n: inputs, groups, alpha: 1 };
    backend.run("grouped_gemm_tn", { a: dY, b: x, offsets, y: dW }, params);
  }
  if (!lora) {
    if (dX) {
      const params = { rows, n: inputs, k: outputs, groups, alpha: 1, accumulate };
      const tensors = { x: dY, offsets, y: dX.tensor };
      withDense(backend, w, (w) => backend.run("grouped_gemm_nn", { ...tensors, w }, params));
    }
    return;
  }
  const r = lora.a.shape[1]!;
  const dXa = backend.empty([rows, r], "f32", `${w.label}.dXa`);
  const low = { rows, n: r, k: outputs, groups, alpha: lora.scaling, accumulate: 0 };
  backend.run("grouped_gemm_nn", { x: dY, w: lora.b, offsets, y: dXa }, low);
  if (dB && saved?.xa) {
    const params = { rows, m: outputs, n: r, groups, alpha: 1 };
    backend.run("grouped_gemm_tn", { a: dY, b: saved.xa, offsets, y: dB }, params);
  }
  if (dA && x) {
    const params = { rows, m: r, n: inputs, groups, alpha: 1 };
    backend.run("grouped_gemm_tn", { a: dXa, b: x, offsets, y: dA }, params);
  }
  if (dX) {
    const params = { rows, n: inputs, k: outputs, r, groups, accumulate };
    const tensors = { dY, dXa, a: lora.a, offsets, dX: dX.tensor };
    withDense(backend, w, (w) => backend.run("grouped_lora_backward", { ...tensors, w }, params));
  }
  backend.free(dXa);
}
