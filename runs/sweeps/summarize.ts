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
  const done = runs.filter(({ status, value }) => status === "succeeded" && value !== null);
  return done.toSorted(byValue(metric))[0] ?? null;
}

/** Ids of a sweep's runs by its metric, the best first and those without a value last. */
export function bestFirst({ runs, metric }: Sweep): string[] {
  return runs.toSorted(byValue(metric)).map(({ run_id }) => run_id);
}

function byValue(metric: SweepMetric): (a: SweepRun, b: SweepRun) => number {
  const worst = isAccuracy(metric) ? -Infinity : Infinity;
  const sign = isAccuracy(metric) ? -1 : 1;
  return (a, b) => {
    const [left, right] = [a.value ?? worst, b.value ?? worst];
    return left === right ? 0 : sign * left < sign * right ? -1 : 1;
  };
}
