// The policy-gradient loss of sampled tokens. Its gradient with respect to a log-probability is a number
// a token, so that cross-entropy with these numbers as weights is its backward pass.

import type { Backend, Tensor } from "../backend/backend.ts";
import { TERMS_WIDTH } from "../backend/kernels.ts";

/** How far the policy may move, named as in a run spec. */
export interface PolicyOptions {
  readonly importance_sampling_level: "token" | "sequence";
  /** Ratios below 1 − epsilon are clipped where the advantage is negative. */
  readonly epsilon: number;
  /** Ratios above 1 + epsilon_high are clipped where the advantage is positive. */
  readonly epsilon_high: number;
  /** Weight of the KL to the reference. */
  readonly beta: number;
}

/** What the loss is computed from; N tokens, see the kernel table for `sampled`. */
export interface PolicyInput {
  readonly nll: Tensor;
  /** The reference's; the policy's own where there is no reference. */
  readonly refNll: Tensor;
  readonly entropy: Tensor;
  /** Old log-probability, advantage and share of each token, [N, 3]. */
  readonly sampled: Tensor;
  readonly start: Tensor;
  readonly end: Tensor;
}

/** weight [N] for cross-entropy's backward pass, and terms [N, 5] for the metrics. */
export function grpoLoss(
  backend: Backend,
  { nll, refNll, entropy, sampled, start, end }: PolicyInput,
  options: PolicyOptions,
  weight: Tensor,
): { terms: Tensor } {
  const tokens = nll.shape[0]!;
  const terms = backend.empty([tokens, TERMS_WIDTH], "f32", "policy.terms");
  backend.run("grpo_loss", {
    nll,
    ref_nll: refNll,
    entropy,
    sampled,
    start,
    end,
    weight,
    terms,
  }, {
    tokens,
    by_sequence: options.importance_sampling_level === "sequence" ? 1 : 0,
    low: 1 - options.epsilon,
    high: 1 + options.epsilon_high,
    beta: options.beta,
  });
  return { terms };
}
