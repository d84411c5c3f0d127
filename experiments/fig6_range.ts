// How wide a curve is: over which learning rates it is good. Between two measured rates accuracy is taken
// to be linear in the logarithm of the rate.

/** Accuracy at a learning rate. */
export interface RatePoint {
  readonly rate: number;
  readonly accuracy: number;
}

/** The rates over which a curve stays at or above a level. */
export interface GoodRange {
  readonly low: number;
  readonly high: number;
  /** log2(high / low), summed over the pieces where the curve dips in between. */
  readonly doublings: number;
  /** The grid ends before the curve does: it may be wider. */
  readonly open: boolean;
}

/** Where a curve is at least `level`; undefined where it nowhere is. Points in any order. */
export function goodRange(points: readonly RatePoint[], level: number): GoodRange | undefined {
  const sorted = [...points].sort((a, b) => a.rate - b.rate);
  const good = sorted.filter(({ accuracy }) => accuracy >= level);
  if (good.length === 0) return undefined;
  let doublings = 0, low = good[0]!.rate, high = good.at(-1)!.rate;
  sorted.slice(1).forEach((b, i) => {
    const a = sorted[i]!;
    const width = Math.log2(b.rate / a.rate);
    const [inA, inB] = [a.accuracy >= level, b.accuracy >= level];
    if (inA && inB) doublings += width;
    if (inA === inB) return;
    const crossing = (level - a.accuracy) / (b.accuracy - a.accuracy);
    const at = a.rate * 2 ** (crossing * width);
    doublings += width * (inA ? crossing : 1 - crossing);
    if (inB) low = Math.min(low, at);
    else high = Math.max(high, at);
  });
  const open = sorted[0]!.accuracy >= level || sorted.at(-1)!.accuracy >= level;
  return { low, high, doublings, open };
}
