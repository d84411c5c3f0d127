// Gives up on the runs of a sweep that are far behind.

import { log } from "../log.ts";
import { isFinal, type MetricPoint, type RunStatus } from "../spec/run.ts";
import type { EarlyStopping } from "../spec/sweep.ts";
import type { RunStore } from "../store/run_store.ts";
import type { SweepStore } from "../store/sweep_store.ts";

/** How often sweeps are looked at, in milliseconds. */
const POLL_MS = 2000;

/** The curve of one run; points without a held-out loss say nothing here. */
export interface Curve {
  readonly id: string;
  readonly status: RunStatus;
  readonly points: readonly MetricPoint[];
}

/**
 * The running runs whose held-out loss is more than `margin` nats above the least one that any run had
 * at the same step or before, after at least `min_evals` evaluations of training.
 */
export function hopeless(curves: readonly Curve[], { margin, min_evals }: EarlyStopping): string[] {
  const evals = new Map(curves.map(({ id, points }) => [
    id,
    points.filter(({ step, eval_nll }) => step > 0 && eval_nll !== undefined),
  ]));
  return curves.filter(({ id, status }) => {
    const own = evals.get(id)!;
    const last = own.at(-1);
    if (status !== "running" || last === undefined || own.length < min_evals) return false;
    const seen = [...evals.values()].flat().filter(({ step }) => step <= last.step);
    return last.eval_nll! > Math.min(...seen.map(({ eval_nll }) => eval_nll!)) + margin;
  }).map(({ id }) => id);
}

/** Looks after the sweeps that ask for it until `signal` is aborted. */
export async function stopHopelessRuns(
  { store, sweeps }: { readonly store: RunStore; readonly sweeps: SweepStore },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      for (const id of await sweeps.withEarlyStopping()) await look(id, store, sweeps);
    } catch (error) {
      log("error", "Cannot look after the sweeps", {}, error);
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}

async function look(id: string, store: RunStore, sweeps: SweepStore): Promise<void> {
  const sweep = await sweeps.get(id);
  if (!sweep?.request.early_stopping) return;
  const started = sweep.runs.filter(({ run }) => run.status === "running" || isFinal(run.status));
  const curves = await Promise.all(started.map(async ({ run: { id, status } }) => ({
    id,
    status,
    points: await store.evaluations(id),
  })));
  for (const run of hopeless(curves, sweep.request.early_stopping)) {
    await sweeps.markStoppedEarly(id, run);
    await store.requestCancel(run);
  }
}
