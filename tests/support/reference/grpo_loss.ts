// f64 reference of the policy-gradient loss; see KERNELS.grpo_loss.

import type { PolicyOptions } from "../../../compute/ops/grpo_loss.ts";

/** One completion of T tokens; `share` is 0 for a token that is not counted. */
export interface Sequence {
  readonly logps: readonly number[];
  readonly oldLogps: readonly number[];
  readonly refLogps: readonly number[];
  readonly shares: readonly number[];
  readonly advantage: number;
}

/** Σ share · l of a completion, and what else the kernel reports of each token. */
export function grpoLossOf(
  { logps, oldLogps, refLogps, shares, advantage }: Sequence,
  { importance_sampling_level, epsilon, epsilon_high, beta }: PolicyOptions,
): { loss: number; deviation: number[]; clipped: number[]; kl: number[] } {
  const counted = shares.map((share) => share !== 0);
  const differences = logps.map((logp, t) => logp - oldLogps[t]!);
  const among = differences.filter((_, t) => counted[t]);
  const mean = among.reduce((sum, difference) => sum + difference, 0) / among.length;
  const ratios = differences.map((difference) =>
    Math.exp(importance_sampling_level === "sequence" ? mean : difference)
  );
  const clamp = (ratio: number) => Math.min(1 + epsilon_high, Math.max(1 - epsilon, ratio));
  const kl = logps.map((logp, t) => {
    const difference = refLogps[t]! - logp;
    return counted[t] ? Math.exp(difference) - difference - 1 : 0;
  });
  const surrogate = ratios.map((ratio) => Math.min(ratio * advantage, clamp(ratio) * advantage));
  return {
    loss: shares.reduce((sum, share, t) => sum + share * (beta * kl[t]! - surrogate[t]!), 0),
    deviation: ratios.map((ratio, t) => counted[t] ? Math.abs(ratio - 1) : 0),
    clipped: ratios.map((ratio, t) =>
      counted[t] && (advantage > 0 ? ratio > 1 + epsilon_high : ratio < 1 - epsilon) &&
        advantage !== 0
        ? 1
        : 0
    ),
    kl,
  };
}

/** d Σ share · l / d logps by central differences: nothing of the kernel’s closed form is in it. */
export function grpoGradientOf(sequence: Sequence, options: PolicyOptions): number[] {
  const { logps } = sequence;
  const step = 1e-6;
  return logps.map((_, at) => {
    const moved = (by: number) => ({
      ...sequence,
      logps: logps.map((logp, t) => t === at ? logp + by : logp),
    });
    const above = grpoLossOf(moved(step), options).loss;
    return (above - grpoLossOf(moved(-step), options).loss) / (2 * step);
  });
}
