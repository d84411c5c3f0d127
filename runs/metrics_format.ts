// Metric points as files.

import { parquetWriteBuffer } from "hyparquet-writer";

import { MetricPoint } from "./spec/run.ts";

/**
 * Comma-separated values: a header with every metric that was measured at all, then a line per point;
 * empty where not measured.
 */
export function metricsCsv(points: readonly MetricPoint[]): string {
  const columns = measuredColumns(points);
  const lines = points.map((point) => columns.map((column) => point[column] ?? "").join(","));
  return [columns.join(","), ...lines].join("\n") + "\n";
}

/** Columns that were measured at all, of 64-bit floats and integers; null where not measured. */
export function metricsParquet(points: readonly MetricPoint[]): Uint8Array<ArrayBuffer> {
  const columnData = measuredColumns(points).map((name) => {
    const data = points.map((point) => point[name] ?? null);
    const whole = data.every((value) => value === null || Number.isSafeInteger(value));
    return {
      name,
      data: whole ? data.map((value) => value === null ? null : BigInt(value)) : data,
      type: whole ? "INT64" as const : "DOUBLE" as const,
      nullable: name !== "step",
    };
  });
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

/** A JSON object a line. */
export function metricsJsonLines(points: readonly MetricPoint[]): string {
  return points.map((point) => JSON.stringify(point) + "\n").join("");
}

function measuredColumns(points: readonly MetricPoint[]): (keyof MetricPoint)[] {
  const all = Object.keys(MetricPoint.shape) as (keyof MetricPoint)[];
  const measured = new Set(points.flatMap((point) => Object.keys(point)));
  return all.filter((column) => column === "step" || measured.has(column));
}
