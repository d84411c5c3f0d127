// The measured capacity's long table: what each run had memorised, each time it looked.

import type { RunSpec } from "../runs/spec/run_spec.ts";
import type { Row, RunOutcome } from "./figure.ts";
import { groupBy } from "./final_rows.ts";

/** Bits memorised at a step. */
export interface CapacityRow extends Row {
  readonly r: number;
  readonly seed: number;
  readonly learning_rate: number;
  readonly parameters: number;
  readonly rows: number;
  /** Bits in the rows. */
  readonly data_bits: number;
  readonly step: number;
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

/** A row for every evaluation of every run. */
export function capacityRows(
  outcomes: readonly RunOutcome[],
  vocabulary: (model: string) => number,
): CapacityRow[] {
  return outcomes.flatMap(({ run: { id, spec, result }, points }) => {
    const { rows, counted } = loadOf(spec);
    const parameters = result?.trainable_parameters;
    if (parameters === undefined || spec.method.kind !== "lora") return [];
    const { r } = spec.method;
    const bits = Math.log2(vocabulary(spec.model));
    return points.filter(({ eval_nll }) => eval_nll !== undefined).map(({ step, eval_nll }) => {
      const memorised = counted * (bits - eval_nll! / Math.LN2);
      return {
        r,
        seed: spec.seed,
        learning_rate: spec.optimizer.learning_rate,
        parameters,
        rows,
        data_bits: counted * bits,
        step,
        nll: eval_nll!,
        memorised_bits: memorised,
        bits_per_parameter: memorised / parameters,
        run_id: id,
      };
    });
  });
}

/** The most that an adapter of one rank and seed has memorised, of any load. */
export interface Capacity {
  readonly r: number;
  readonly seed: number;
  readonly parameters: number;
  readonly bits: number;
  /** Whether a larger load was of no use: the two largest ones left about as many bits. */
  readonly saturated: boolean;
}

/** Growth from the second largest load to the largest below which an adapter is full. */
const STILL = 0.1;

/** The capacity of each rank and seed. */
export function capacitiesOf(rows: readonly CapacityRow[]): Capacity[] {
  const groups = groupBy(rows, ({ r, seed }) => `${r} ${seed}`);
  return [...groups.values()].map((own) => {
    const most = (some: readonly CapacityRow[]) =>
      some.reduce((a, b) => b.memorised_bits > a.memorised_bits ? b : a);
    const best = most(own);
    const loads = [...groupBy(own, ({ data_bits }) => data_bits)].sort(([a], [b]) => b - a)
      .map(([, at]) => most(at).memorised_bits);
    const [largest, second] = loads;
    return {
      r: best.r,
      seed: best.seed,
      parameters: best.parameters,
      bits: best.memorised_bits,
      saturated: second !== undefined && largest! <= (1 + STILL) * second,
    };
  });
}
