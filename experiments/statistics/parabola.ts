// The bottom of a U-curve that was measured at a few learning rates.

/** Loss at a learning rate. */
export interface RatePoint {
  readonly rate: number;
  readonly nll: number;
}

/** Where a parabola has its lowest point. */
export interface Optimum {
  readonly rate: number;
  readonly nll: number;
}

/**
 * The lowest point of the parabola through the best learning rate and its two neighbours, in log rate.
 * Farther points are left out: far from its bottom a U-curve is no parabola.
 *
 * @returns undefined where the best rate is the first or last of the grid, so that the bottom may lie
 * outside, or where no rate gave a finite loss.
 */
export function parabolaOptimum(points: readonly RatePoint[]): Optimum | undefined {
  const sorted = points.filter(({ nll }) => Number.isFinite(nll)).sort((a, b) => a.rate - b.rate);
  const best = sorted.reduce((low, { nll }, i) => nll < sorted[low]!.nll ? i : low, 0);
  const left = sorted[best - 1], middle = sorted[best], right = sorted[best + 1];
  if (!left || !middle || !right) return undefined;
  // Newton's divided differences, with the middle at zero. The first of equally low points is the middle,
  // so the left one is higher and the curvature positive.
  const a = Math.log(left.rate / middle.rate), b = Math.log(right.rate / middle.rate);
  const slopeLeft = (left.nll - middle.nll) / a, slopeRight = (right.nll - middle.nll) / b;
  const curvature = (slopeRight - slopeLeft) / (b - a);
  const slope = slopeLeft - curvature * a;
  const x = -slope / (2 * curvature);
  return { rate: middle.rate * Math.exp(x), nll: middle.nll + slope * x + curvature * x * x };
}
