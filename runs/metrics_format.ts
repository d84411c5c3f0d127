// Metric points as text.

import { MetricPoint } from "./spec/run.ts";

/** Comma-separated values: a header, then a line per point; empty where not measured. */
export function metricsCsv(points: readonly MetricPoint[]): string {
  const columns = Object.keys(MetricPoint.shape) as (keyof MetricPoint)[];
  const lines = points.map((point) => columns.map((column) => point[column] ?? "").join(","));
  return [columns.join(","), ...lines].join("\n") + "\n";
}

/** A JSON object a line. */
export function metricsJsonLines(points: readonly MetricPoint[]): string {
  return points.map((point) => JSON.stringify(point) + "\n").join("");
}
