// One row a run: where it ended. Figures 2 to 5 are made of these.

import type { RunSpec } from "../runs/spec/run_spec.ts";
import type { Curve, Row, RunOutcome } from "./figure.ts";
import { isDone } from "./runner.ts";

/** How a run ended. */
export interface FinalRow extends Row {
  readonly panel: string;
  readonly curve: string;
  readonly method: "lora" | "full";
  /** 0 for full fine-tuning. */
  readonly r: number;
  /** `all`, `attention`, `mlp`, names, or `everything`. */
  readonly target_modules: string;
  readonly batch_size: number;
  readonly learning_rate: number;
  readonly seed: number;
  readonly steps: number;
  readonly tokens: number;
  /** Held-out NLL before training, in nats. */
  readonly start_nll: number | null;
  /** Held-out NLL after the last step, in nats; null if the run diverged. */
  readonly nll: number | null;
  readonly trainable_parameters: number | null;
  readonly run_id: string;
}

/** Names of the modules that a spec trains. */
export function targetsOf({ method }: RunSpec): string {
  const targets = method.target_modules ?? "everything";
  return typeof targets === "string" ? targets : targets.join("+");
}

/** The dataset's name. */
export function datasetOf({ task: { dataset } }: RunSpec): string {
  if (typeof dataset === "string") return dataset;
  return "name" in dataset ? dataset.name : "own data";
}

/** The rows of all runs that are done; `curve` names the curve of each. */
export function finalRows(
  outcomes: readonly RunOutcome[],
  curve: (spec: RunSpec) => Curve,
): FinalRow[] {
  return outcomes.filter(({ run }) => isDone(run)).map(({ run, points }) => {
    const { spec, result } = run;
    const { panel, name } = curve(spec);
    return {
      panel,
      curve: name,
      method: spec.method.kind,
      r: spec.method.kind === "lora" ? spec.method.r : 0,
      target_modules: targetsOf(spec),
      batch_size: spec.batch_size,
      learning_rate: spec.optimizer.learning_rate,
      seed: spec.seed,
      steps: spec.max_steps ?? result?.steps ?? 0,
      tokens: result?.tokens ?? 0,
      start_nll: result?.initial_eval_nll ??
        points.find(({ eval_nll }) => eval_nll !== undefined)?.eval_nll ?? null,
      nll: run.status === "succeeded" ? result!.eval_nll : null,
      trainable_parameters: result?.trainable_parameters ?? null,
      run_id: run.id,
    };
  });
}

/** Groups in the order of their first row. */
export function groupBy<T, K>(rows: readonly T[], key: (row: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group) group.push(row);
    else groups.set(key(row), [row]);
  }
  return groups;
}

/** The seeds of some rows, rising. */
export function seedsIn(rows: readonly FinalRow[]): number[] {
  return [...new Set(rows.map(({ seed }) => seed))].sort((a, b) => a - b);
}

/** The lowest final loss over learning rates; undefined where every run diverged. */
export function lowestNll(rows: readonly FinalRow[]): number | undefined {
  const losses = rows.flatMap(({ nll }) => nll === null ? [] : [nll]);
  return losses.length === 0 ? undefined : Math.min(...losses);
}
