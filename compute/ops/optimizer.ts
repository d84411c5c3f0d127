// Global gradient-norm clipping and AdamW (Loshchilov & Hutter 2019, alg. 2, as in PyTorch) over flat
// buffers: a handful of kernels however many matrices are trained.

import { type Backend, size, type Tensor } from "../backend/backend.ts";
import { HYPER_LENGTH } from "../backend/kernels.ts";

/** AdamW's numbers, named as in a run spec. */
export interface AdamWOptions {
  readonly learning_rate: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weight_decay: number;
  /** Largest global gradient norm; 0 leaves gradients as they are. */
  readonly max_grad_norm: number;
}

/** The `hyper` tensor's contents for step `t` (counted from 1). */
export function adamwHyper(options: AdamWOptions, t: number): Float32Array {
  const [beta1, beta2] = options.betas;
  const hyper = new Float32Array(HYPER_LENGTH);
  hyper.set([
    options.learning_rate,
    beta1,
    beta2,
    options.eps,
    options.weight_decay,
    1 - beta1 ** t,
    1 - beta2 ** t,
    options.max_grad_norm,
  ]);
  return hyper;
}

/** sumsq[0] = Σ over all gradients of g². */
export function gradientSumOfSquares(
  backend: Backend,
  gradients: readonly Tensor[],
  sumsq: Tensor,
): void {
  gradients.forEach((x, i) =>
    backend.run("sum_squares", { x, out: sumsq }, { n: size(x), accumulate: i > 0 ? 1 : 0 })
  );
}

/** One flat buffer's state. */
export interface AdamWState {
  readonly p: Tensor;
  readonly g: Tensor;
  readonly m: Tensor;
  readonly v: Tensor;
}

/** Clips by the norm in `sumsq`, updates p, m and v, and zeroes g. */
export function adamwUpdate(
  backend: Backend,
  state: AdamWState,
  hyper: Tensor,
  sumsq: Tensor,
  lrScale = 1,
): void {
  backend.run("adamw", { ...state, hyper, sumsq }, { n: size(state.p), lr_scale: lrScale });
}
