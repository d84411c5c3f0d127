// The measured capacity's long table: what each run had memorised at its end.

import { BITS_PER_PARAMETER } from "../compute/theory/capacity.ts";
import type { RunSpec } from "../runs/spec/run_spec.ts";
import type { Row, RunOutcome } from "./figure.ts";
import { groupBy, targetsOf } from "./final_rows.ts";
import { asymptote } from "./statistics/saturation.ts";

/** Bits memorised in a run. */
export interface CapacityRow extends Row {
  readonly r: number;
  readonly target_modules: string;
  readonly seed: number;
  readonly learning_rate: number;
  readonly parameters: number;
  readonly rows: number;
  /** Bits in the rows. */
  readonly data_bits: number;
  /** Bits in the rows over those that the rule gives the adapter. */
  readonly load: number;
  readonly steps: number;
  /** Mean NLL of the counted tokens, in nats. */
  readonly nll: number;
  /** Bits that the model says of the rows beyond chance; negative where it is worse than chance. */
  readonly memorised_bits: number;
  readonly bits_per_parameter: number;
  readonly run_id: string;
}

/** How much a spec has to memorise: its rows, and the tokens of them that count. */
export function loadOf({ task: { dataset } }: RunSpec): { rows: number; counted: number } {
  if (typeof dataset === "string" || !("inline" in dataset)) return { rows: 0, counted: 0 };
  const labels = dataset.inline.labels ?? dataset.inline.input_ids;
  const counted = labels.reduce(
    (sum, row) => sum + row.filter((label, i) => i > 0 && label >= 0).length,
    0,
  );
  return { rows: labels.length, counted };
}

/** A row for every run. */
export function capacityRows(
  outcomes: readonly RunOutcome[],
  vocabulary: (model: string) => number,
): CapacityRow[] {
  return outcomes.flatMap(({ run: { id, spec, result } }) => {
    const { rows, counted } = loadOf(spec);
    const nll = result?.eval_nll, parameters = result?.trainable_parameters;
    if (nll === undefined || nll === null || !parameters || spec.method.kind !== "lora") return [];
    const bits = Math.log2(vocabulary(spec.model));
    const memorised = counted * (bits - nll / Math.LN2);
    return [{
      r: spec.method.r,
      target_modules: targetsOf(spec),
      seed: spec.seed,
      learning_rate: spec.optimizer.learning_rate,
      parameters,
      rows,
      data_bits: counted * bits,
      load: counted * bits / (BITS_PER_PARAMETER * parameters),
      steps: spec.max_steps!,
      nll,
      memorised_bits: memorised,
      bits_per_parameter: memorised / parameters,
      run_id: id,
    }];
  });
}

/** The most of several runs. */
function mostOf(rows: readonly CapacityRow[]): CapacityRow {
  return rows.reduce((a, b) => b.memorised_bits > a.memorised_bits ? b : a);
}

/** What an adapter of one rank and seed holds. */
export interface Capacity {
  readonly r: number;
  readonly seed: number;
  readonly parameters: number;
  /** The most that any run has memorised. */
  readonly bits: number;
  /** What the most memorised tends to over ever more updates; undefined where it does not flatten. */
  readonly limit: number | undefined;
  /** What twice the rows added, over what there was, at the largest loads of one length. */
  readonly growth: number | undefined;
}

/** Growth of a load below which adapters are full. */
const STILL = 0.1;

/**
 * True for adapters of one rank to which neither more rows nor more updates add much that could be
 * foreseen. A seed's growth is the quotient of two runs and scatters by some 10 %, so their mean counts.
 */
export function areFull(own: readonly Capacity[]): boolean {
  const growths = own.flatMap(({ growth }) => growth ?? []);
  const mean = growths.reduce((sum, growth) => sum + growth, 0) / growths.length;
  return growths.length === own.length && mean <= STILL &&
    own.every(({ limit }) => limit !== undefined);
}

/** The capacity of each rank and seed. */
export function capacitiesOf(rows: readonly CapacityRow[]): Capacity[] {
  return [...groupBy(rows, ({ r, seed }) => `${r} ${seed}`).values()].map((own) => {
    const { r, seed, parameters, memorised_bits: bits } = mostOf(own);
    const byLoad = bestAlong(longestRows(own, "load"), "load");
    const byLength = bestAlong(longestRows(own, "steps"), "steps");
    const [second, largest] = byLoad.slice(-2);
    return {
      r,
      seed,
      parameters,
      bits,
      limit: asymptote(byLength.map((row) => ({ effort: row.steps, value: row.memorised_bits }))),
      growth: second && largest && largest.memorised_bits / second.memorised_bits - 1,
    };
  });
}

/** What a capacity is measured along: more rows in as many updates, or more updates of the same rows. */
type Column = "load" | "steps";

/** The rows that differ most in one column and not in the other. */
export function longestRows(rows: readonly CapacityRow[], column: Column): CapacityRow[] {
  const kinds = (own: readonly CapacityRow[]) => new Set(own.map((row) => row[column])).size;
  return [...groupBy(rows, (row) => row[column === "load" ? "steps" : "load"]).values()]
    .reduce((a, b) => (kinds(b) > kinds(a) ? b : a));
}

/** The best row of each value of a column, rising. */
export function bestAlong(rows: readonly CapacityRow[], column: Column): CapacityRow[] {
  return [...groupBy(rows, (row) => row[column])].sort(([a], [b]) => a - b)
    .map(([, own]) => mostOf(own));
}
