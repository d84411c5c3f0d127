// What a sweep's runs amount to.

import { isFinal, type Run, shareDone } from "../spec/run.ts";
import type { Sweep, SweepMetric, SweepRun } from "../spec/sweep.ts";
import type { StoredSweep } from "../store/sweep_store.ts";

/** A sweep as clients see it. */
export function summarize({ id, request, created_at, runs }: StoredSweep): Sweep {
  const all = runs.map(({ run, changes, stoppedEarly }): SweepRun => ({
    run_id: run.id,
    status: run.status,
    changes,
    progress: shareDone(run),
    value: valueOf(run, request.metric),
    stopped_early: stoppedEarly,
  }));
  const finished = all.filter(({ status }) => isFinal(status)).length;
  return {
    id,
    status: finished === all.length ? "done" : "running",
    metric: request.metric,
    created_at,
    total: all.length,
    finished,
    progress: all.reduce((sum, { progress }) => sum + progress, 0) / all.length,
    best: bestOf(all, request.metric),
    runs: all,
  };
}

function valueOf({ result, metrics }: Run, metric: SweepMetric): number | null {
  if (result) return result[metric] ?? null;
  if (metric === "train_nll") return metrics?.train_nll ?? null;
  return (isAccuracy(metric) ? metrics?.accuracy : metrics?.eval_nll) ?? null;
}

function isAccuracy(metric: SweepMetric): boolean {
  return metric === "accuracy" || metric === "best_accuracy";
}

function bestOf(runs: readonly SweepRun[], metric: SweepMetric): SweepRun | null {
  const sign = isAccuracy(metric) ? -1 : 1;
  const done = runs.filter(({ status, value }) => status === "succeeded" && value !== null);
  return done.length === 0
    ? null
    : done.reduce((a, b) => (sign * b.value! < sign * a.value! ? b : a));
}
