// How well a model does, from samples: unbiased estimates and intervals.

/** A value with the ends of its interval. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Two-sided normal quantile of 95 %. */
const Z = 1.959963984540054;

/** Resamples of a bootstrap. */
const RESAMPLES = 1000;

/**
 * The chance that one of k samples is right, given that c of n are: 1 − C(n − c, k) / C(n, k), without bias
 * (Chen et al. 2021, eq. 1).
 *
 * @throws {RangeError} if k is more than n.
 */
export function passAtK(n: number, c: number, k: number): number {
  if (k > n) throw new RangeError(`Cannot estimate pass@${k} from ${n} samples`);
  if (n - c < k) return 1;
  let miss = 1;
  for (let i = n - c + 1; i <= n; i++) miss *= 1 - k / i;
  return 1 - miss;
}

/** The share of successes with Wilson's 95 % interval (Wilson 1927). */
export function proportion(successes: number, n: number): Estimate {
  const value = successes / n;
  const scale = 1 / (1 + Z ** 2 / n);
  const middle = scale * (value + Z ** 2 / (2 * n));
  const half = scale * Z * Math.sqrt(value * (1 - value) / n + Z ** 2 / (4 * n ** 2));
  return { value, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/**
 * The mean of numbers from 0 to 1: a proportion where all are 0 or 1, else with the 95 % interval of a bootstrap
 * over them (Efron 1979). `random` gives uniform numbers in [0, 1).
 */
export function meanEstimate(values: readonly number[], random: () => number): Estimate {
  const n = values.length;
  const total = values.reduce((sum, value) => sum + value, 0);
  if (values.every((value) => value === 0 || value === 1)) return proportion(total, n);
  const means = Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[Math.floor(random() * n)]!;
    return sum / n;
  }).sort((a, b) => a - b);
  const at = (share: number) => means[Math.floor(share * (RESAMPLES - 1))]!;
  return { value: total / n, low: at(0.025), high: at(0.975) };
}

/** Σ totals / Σ weights over independent groups, with the 95 % interval of its linearisation. */
export function ratioEstimate(
  groups: readonly { readonly total: number; readonly weight: number }[],
): Estimate {
  const weight = groups.reduce((sum, group) => sum + group.weight, 0);
  const value = groups.reduce((sum, group) => sum + group.total, 0) / weight;
  const n = groups.length;
  const squares = groups.reduce((sum, group) => sum + (group.total - value * group.weight) ** 2, 0);
  // One group says nothing of how groups differ.
  const half = n > 1 ? Z * Math.sqrt(squares * n / (n - 1)) / weight : Infinity;
  return { value, low: value - half, high: value + half };
}
