// From metric points to the curves of a chart.

import type { MetricPoint } from "../runs/spec/run.ts";

/** What a chart may have on its x axis. */
export const X_AXES = ["step", "tokens", "time"] as const;
/** What a chart has on its x axis. */
export type XAxis = (typeof X_AXES)[number];

/** A position of a curve. */
export type XY = readonly [x: number, y: number];

/** The points of a metric over steps, tokens, or seconds of training. */
export function curve(points: readonly MetricPoint[], metric: string, x: XAxis): XY[] {
  const found: XY[] = [];
  let seconds = 0, tokens = 0;
  for (const point of points) {
    if (point.tokens !== undefined && point.tokens_per_s) {
      seconds += (point.tokens - tokens) / point.tokens_per_s;
      tokens = point.tokens;
    }
    const y = (point as Record<string, unknown>)[metric];
    if (typeof y !== "number") continue;
    found.push([x === "time" ? seconds : x === "tokens" ? point.tokens ?? tokens : point.step, y]);
  }
  return found;
}

/** An exponential mean that is not drawn towards its first value: `weight` of the past, 0 … 1. */
export function smooth(points: readonly XY[], weight: number): XY[] {
  let sum = 0, share = 0;
  return points.map(([x, y]) => {
    sum = weight * sum + (1 - weight) * y;
    share = weight * share + (1 - weight);
    return [x, sum / share];
  });
}
