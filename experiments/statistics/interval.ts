// Means with intervals, for a handful of seeds.

/** A number that was measured several times. */
export interface Estimate {
  readonly mean: number;
  /** 95 % confidence interval of the mean; null for a single measurement. */
  readonly interval: readonly [low: number, high: number] | null;
  readonly count: number;
}

// Two-sided 95 % quantiles of Student's t for 1, 2, … degrees of freedom (Fisher & Yates, table III).
// deno-fmt-ignore
const T_95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
  2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048,
  2.045, 2.042,
];

/**
 * Mean and 95 % interval by Student's t: seeds are few and their spread is unknown.
 *
 * @throws {RangeError} without values.
 */
export function estimate(values: readonly number[]): Estimate {
  const count = values.length;
  if (count === 0) throw new RangeError("Cannot estimate a mean: there are no values");
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count === 1) return { mean, interval: null, count };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  // Beyond the table the normal distribution is within 4 % of t.
  const t = T_95[count - 2] ?? 1.96;
  const half = t * Math.sqrt(squares / (count - 1) / count);
  return { mean, interval: [mean - half, mean + half], count };
}

/** The same for a positive quantity that varies by factors: the mean is geometric. */
export function estimateRatio(values: readonly number[]): Estimate {
  const { mean, interval, count } = estimate(values.map(Math.log));
  return {
    mean: Math.exp(mean),
    interval: interval && [Math.exp(interval[0]), Math.exp(interval[1])],
    count,
  };
}
