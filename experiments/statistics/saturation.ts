// Where a curve that flattens is going.

/** A value after an effort: bits after updates. */
export interface EffortPoint {
  readonly effort: number;
  readonly value: number;
}

/**
 * The value that `c · effort / (effort + k)` tends to, the hyperbola of saturation: 1 / value is a straight
 * line in 1 / effort, fitted by least squares with each point's weight as for equal relative errors.
 *
 * @returns undefined for fewer than three efforts, and where the line gives no end.
 */
export function asymptote(points: readonly EffortPoint[]): number | undefined {
  if (new Set(points.map(({ effort }) => effort)).size < 3) return undefined;
  if (points.some(({ value }) => !(value > 0))) return undefined;
  // Of relative errors alike, 1 / value has errors in proportion to itself.
  const weighted = points.map(({ effort, value }) => ({
    x: 1 / effort,
    y: 1 / value,
    weight: value ** 2,
  }));
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  const mean = (of: (p: typeof weighted[number]) => number) =>
    weighted.reduce((sum, p) => sum + p.weight * of(p), 0) / total;
  const x = mean((p) => p.x), y = mean((p) => p.y);
  const slope = mean((p) => (p.x - x) * (p.y - y)) / mean((p) => (p.x - x) ** 2);
  const inverse = y - slope * x;
  return inverse > 0 ? 1 / inverse : undefined;
}
