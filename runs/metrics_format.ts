// Metric points as text.

import { MetricPoint } from "./spec/run.ts";

/**
 * Comma-separated values: a header with every metric that was measured at all, then a line per point;
 * empty where not measured.
 */
export function metricsCsv(points: readonly MetricPoint[]): string {
  const all = Object.keys(MetricPoint.shape) as (keyof MetricPoint)[];
  const measured = new Set(points.flatMap((point) => Object.keys(point)));
  const columns = all.filter((column) => column === "step" || measured.has(column));
  const lines = points.map((point) => columns.map((column) => point[column] ?? "").join(","));
  return [columns.join(","), ...lines].join("\n") + "\n";
}

/** A JSON object a line. */
export function metricsJsonLines(points: readonly MetricPoint[]): string {
  return points.map((point) => JSON.stringify(point) + "\n").join("");
}
