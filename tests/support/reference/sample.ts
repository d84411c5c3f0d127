// Drawing a token in f64, by sorting: nothing in common with the kernels' bisection.

/** Temperature, top_k (0: all), top_p, min_p. */
export type Sampling = readonly [number, number, number, number];

/** What may be drawn from a row of logits, and the probability of everything before the filters. */
export interface Distribution {
  /** exp((logit − max) / temperature), [V]. */
  readonly weights: Float64Array;
  /** Ids that the filters keep, ascending. */
  readonly kept: readonly number[];
}

/** The distribution of a row. */
export function distribution(
  logits: ArrayLike<number>,
  [temperature, topK, topP, minP]: Sampling,
): Distribution {
  const row = Array.from(logits);
  const top = Math.max(...row);
  const weights = Float64Array.from(row, (l) => Math.exp((l - top) / (temperature || 1)));
  if (temperature === 0) return { weights, kept: [row.indexOf(top)] };
  let order = row.map((_, id) => id).sort((a, b) => weights[b]! - weights[a]! || a - b);
  const cut = (least: number) => order = order.filter((id) => weights[id]! >= least);
  if (topK > 0 && topK < row.length) cut(weights[order[topK - 1]!]!);
  if (topP < 1) {
    const wanted = topP * order.reduce((sum, id) => sum + weights[id]!, 0);
    let sum = 0;
    cut(weights[order.find((id) => (sum += weights[id]!) >= wanted) ?? order.at(-1)!]!);
  }
  cut(minP);
  return { weights, kept: order.sort((a, b) => a - b) };
}

/** The token that `u` in [0, 1) draws. */
export function draw({ weights, kept }: Distribution, u: number): number {
  const wanted = u * kept.reduce((sum, id) => sum + weights[id]!, 0);
  let running = 0;
  return kept.find((id) => (running += weights[id]!) > wanted) ?? kept.at(-1)!;
}

/** log p of a token before the filters. */
export function logProbability({ weights }: Distribution, id: number): number {
  return Math.log(weights[id]! / weights.reduce((sum, w) => sum + w, 0));
}
