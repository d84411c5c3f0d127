// Figure 1's long table: one row a measured point of every run.

import type { RunSpec } from "../runs/spec/run_spec.ts";
import type { Curve, Row, RunOutcome } from "./figure.ts";
import { datasetOf } from "./final_rows.ts";

/** What is trained: the adapted matrices only, or the whole model. */
export type Pair = "matrices" | "model";

/** A curve: all learning rates of one method. */
export interface CurveKey {
  readonly panel: string;
  readonly pair: Pair;
  /** 0 is full fine-tuning. */
  readonly r: number;
}

/** A measured point. */
export interface Fig1Row extends Row {
  readonly panel: string;
  readonly pair: Pair;
  readonly r: number;
  readonly curve: string;
  readonly learning_rate: number;
  readonly seed: number;
  readonly step: number;
  readonly tokens: number;
  /** Held-out NLL, in nats. */
  readonly nll: number;
  readonly trainable_parameters: number | null;
  readonly run_id: string;
  /** Whether no other learning rate of the curve is lower at this step of this seed. */
  readonly best: boolean;
}

/** The curve that a run belongs to. */
export function keyOf(spec: RunSpec): CurveKey {
  const { method } = spec;
  const panel = datasetOf(spec);
  if (method.kind === "full") {
    return { panel, pair: method.target_modules === undefined ? "model" : "matrices", r: 0 };
  }
  return { panel, pair: method.modules_to_save === undefined ? "matrices" : "model", r: method.r };
}

/** A curve's panel and name. */
export function fig1Curve(spec: RunSpec): Curve {
  const { panel, pair, r } = keyOf(spec);
  const method = r === 0 ? "full fine-tuning" : `LoRA r=${r}`;
  return { panel, name: pair === "matrices" ? method : `${method}, whole model` };
}

/** Every measured point, with `best` where no other learning rate of the curve is lower there. */
export function fig1Rows(outcomes: readonly RunOutcome[]): Fig1Row[] {
  const measured = outcomes.flatMap(({ run: { id, spec, result }, points }) =>
    points.filter(({ eval_nll }) => eval_nll !== undefined).map((point) => ({
      ...keyOf(spec),
      curve: fig1Curve(spec).name,
      learning_rate: spec.optimizer.learning_rate,
      seed: spec.seed,
      step: point.step,
      tokens: point.tokens ?? 0,
      nll: point.eval_nll!,
      trainable_parameters: result?.trainable_parameters ?? null,
      run_id: id,
    }))
  );
  const lowest = new Map<string, number>();
  const place = (row: typeof measured[number]) =>
    JSON.stringify([row.panel, row.pair, row.r, row.seed, row.step]);
  for (const row of measured) {
    const known = lowest.get(place(row));
    if (known === undefined || row.nll < known) lowest.set(place(row), row.nll);
  }
  return measured.map((row) => ({ ...row, best: row.nll === lowest.get(place(row)) }));
}
