// What a sampled token counts for: the advantage of its completion, and its share of the loss. Names and
// meanings are TRL's.

/** How the loss of tokens becomes one number. */
export type LossType = "grpo" | "bnpo" | "dr_grpo" | "dapo";

/** The sizes that a token's share depends on. */
export interface LossSizes {
  /** Counted tokens of each completion of the update; 0 for one that is masked. */
  readonly counts: readonly number[];
  /** Most tokens of a completion. */
  readonly maxCompletionLength: number;
  /** Counted tokens of the whole generation batch. */
  readonly numItems: number;
}

/**
 * The share of the loss that each token of a completion has, one number for each completion:
 *
 * - `grpo`: the mean over completions of the mean over their tokens (Shao et al. 2024, eq. 3)
 * - `bnpo`: the mean over the update's tokens
 * - `dr_grpo`: the sum over tokens by completions × longest completion (Liu et al. 2025, §3.2)
 * - `dapo`: the sum over tokens by the tokens of the generation batch (Yu et al. 2025, eq. 8)
 */
export function tokenShares(
  lossType: LossType,
  { counts, maxCompletionLength, numItems }: LossSizes,
): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const share = (count: number) => {
    switch (lossType) {
      case "grpo":
        return 1 / (counts.length * count);
      case "bnpo":
        return 1 / total;
      case "dr_grpo":
        return 1 / (counts.length * maxCompletionLength);
      case "dapo":
        return 1 / numItems;
    }
  };
  return counts.map((count) => count === 0 ? 0 : share(count));
}

/** Standard deviation over the n given values (over n − 1 with `sample`). */
export function deviation(values: readonly number[], sample = false): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - (sample ? 1 : 0)));
}

/**
 * Reward − mean of the group, for consecutive groups of `size` rewards. With `scale` also divided by the
 * group's standard deviation + 1e-4, as TRL does; the paper does not.
 */
export function groupAdvantages(
  rewards: readonly number[],
  size: number,
  scale: boolean,
): number[] {
  return rewards.map((reward, i) => {
    const first = i - i % size;
    const group = rewards.slice(first, first + size);
    const centred = reward - group.reduce((sum, value) => sum + value, 0) / size;
    return scale ? centred / (deviation(group, true) + 1e-4) : centred;
  });
}
