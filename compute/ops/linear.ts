// A linear layer, frozen, adapted by LoRA, or fully trained: y = x Wᵀ + (alpha / r) (x Aᵀ) Bᵀ
// (Hu et al. 2021, eq. 3). x [N, I], W [O, I], A [R, I], B [O, R], y [N, O].
// The product with B is folded into the main product as R more inner columns, so y is written once,
// and no dW is formed for a frozen W: that is where LoRA's 2/3 of the FLOPs comes from.

import type { Backend, Tensor } from "../backend/backend.ts";
import { type Matrix, withDense } from "./matrix.ts";

/** A low-rank adapter: A [R, I], B [O, R]; `scaling` is alpha / r (or alpha / sqrt(r)). */
export interface LoraWeights {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly scaling: number;
  /** Where A and B are several adapters stacked: which of them each row uses. Forward only. */
  readonly select?: AdapterSelection | undefined;
}

/**
 * Row n uses the columns c of x Aᵀ with owner[c] = choice[n], each times scale[c]. With experts, n is the row's
 * token, and all experts of a layer have the same columns.
 */
export interface AdapterSelection {
  /** u32[N]. */
  readonly choice: Tensor;
  /** u32[R]. */
  readonly owner: Tensor;
  /** [R]. */
  readonly scale: Tensor;
}

/** What the backward pass of an adapted layer needs: xa = scaling · x Aᵀ, [N, R]. */
export interface LinearSaved {
  readonly xa?: Tensor | undefined;
}

function dimensions(x: Tensor, w: Matrix): { rows: number; inputs: number; outputs: number } {
  const [rows, inputs] = x.shape as [number, number];
  const [outputs, columns] = w.shape as [number, number];
  if (inputs !== columns) {
    throw new RangeError(
      `Cannot multiply ${x.label} [${x.shape}] with "${w.label}" [${w.shape}]: ` +
        `expected ${columns} columns but found ${inputs}`,
    );
  }
  return { rows, inputs, outputs };
}

/** y = x Wᵀ, with the adapter's share if there is one. */
export function linearForward(
  backend: Backend,
  x: Tensor,
  w: Matrix,
  lora?: LoraWeights,
): { y: Tensor } & LinearSaved {
  const { rows, outputs } = dimensions(x, w);
  const y = backend.empty([rows, outputs], "f32", `${w.label}.out`);
  return { y, ...linearInto(backend, x, w, y, lora) };
}

/** {@linkcode linearForward} with a place for y. */
export function linearInto(
  backend: Backend,
  x: Tensor,
  w: Matrix,
  y: Tensor,
  lora?: LoraWeights,
): LinearSaved {
  const { rows: m, inputs: k, outputs: n } = dimensions(x, w);
  if (!lora) {
    withDense(
      backend,
      w,
      (w) => backend.run("gemm_nt", { x, w, y }, { m, n, k, alpha: 1, accumulate: 0 }),
    );
    return {};
  }
  const r = lora.a.shape[0]!;
  const xa = backend.empty([m, r], "f32", `${w.label}.xa`);
  backend.run("gemm_nt", { x, w: lora.a, y: xa }, {
    m,
    n: r,
    k,
    alpha: lora.scaling,
    accumulate: 0,
  });
  if (lora.select) backend.run("select_columns", { x: xa, ...lora.select }, { rows: m, cols: r });
  withDense(
    backend,
    w,
    (w) => backend.run("lora_forward", { x, w, xa, b: lora.b, y }, { m, n, k, r }),
  );
  return { xa };
}

/** Gradients that {@linkcode linearBackward} fills; those left out are not computed. */
export interface LinearGradients {
  /** dX (=|+=), [N, I]. */
  readonly dX?: { tensor: Tensor; accumulate: boolean } | undefined;
  /** dW +=, [O, I]. */
  readonly dW?: Tensor | undefined;
  /** dA +=, [R, I], and dB +=, [O, R]. */
  readonly dA?: Tensor | undefined;
  readonly dB?: Tensor | undefined;
}

/** dX = dY W + dXa A, dW += dYᵀ x, dB += dYᵀ xa, dA += dXaᵀ x, with dXa = scaling · dY B. */
export function linearBackward(
  backend: Backend,
  x: Tensor,
  w: Matrix,
  dY: Tensor,
  gradients: LinearGradients,
  lora?: LoraWeights,
  saved?: LinearSaved,
): void {
  const { rows, inputs, outputs } = dimensions(x, w);
  const { dX, dW, dA, dB } = gradients;
  const accumulate = dX?.accumulate ? 1 : 0;
  if (dW) {
    backend.run("gemm_tn", { a: dY, b: x, y: dW }, {
      m: outputs,
      n: inputs,
      k: rows,
      alpha: 1,
      accumulate: 1,
    });
  }
  if (!lora) {
    if (dX) {
      const params = { m: rows, n: inputs, k: outputs, alpha: 1, accumulate };
      withDense(
        backend,
        w,
        (w) => backend.run("gemm_nn", { x: dY, w, y: dX.tensor }, params),
      );
    }
    return;
  }
  const r = lora.a.shape[0]!;
  const dXa = backend.empty([rows, r], "f32", `${w.label}.dXa`);
  backend.run("gemm_nn", { x: dY, w: lora.b, y: dXa }, {
    m: rows,
    n: r,
    k: outputs,
    alpha: lora.scaling,
    accumulate: 0,
  });
  if (dB && saved?.xa) {
    backend.run("gemm_tn", { a: dY, b: saved.xa, y: dB }, {
      m: outputs,
      n: r,
      k: rows,
      alpha: 1,
      accumulate: 1,
    });
  }
  if (dA) {
    backend.run("gemm_tn", { a: dXa, b: x, y: dA }, {
      m: r,
      n: inputs,
      k: rows,
      alpha: 1,
      accumulate: 1,
    });
  }
  if (dX) {
    const params = { m: rows, n: inputs, k: outputs, r, accumulate };
    withDense(
      backend,
      w,
      (w) => backend.run("lora_backward", { dY, w, dXa, a: lora.a, dX: dX.tensor }, params),
    );
  }
  backend.free(dXa);
}
