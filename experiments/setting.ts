// What all runs of a figure share, and how a reader's options change it.

import type { RunSpecInput } from "../runs/spec/run_spec.ts";
import type { FigureOptions } from "./figure.ts";

/** Model, data and length of a figure's runs. */
export interface Setting {
  readonly model: string;
  readonly steps: number;
  readonly evalSteps: number | readonly number[];
  /** Windows of the held-out split; absent: all of it. */
  readonly evalLimit?: number;
  /** Runs of each point that differ in data order and adapters alone. */
  readonly seeds: number;
  readonly base: Pick<
    RunSpecInput,
    | "batch_size"
    | "gradient_accumulation_steps"
    | "dtype"
    | "gradient_checkpointing"
    | "logging_steps"
    | "save_steps"
  >;
  readonly maxLength: number;
}

/** The spec of a setting on one dataset; the method is left to the figure. */
export function baseSpec(
  { model, steps, evalSteps, evalLimit: limit, base, maxLength }: Setting,
  name: string,
  { backend }: FigureOptions,
): Omit<RunSpecInput, "method"> {
  return {
    model,
    task: {
      kind: "sft",
      dataset: { name },
      eval_dataset: { name, split: "test", ...(limit !== undefined && { limit }) },
      max_length: maxLength,
    },
    ...base,
    max_steps: steps,
    eval_steps: typeof evalSteps === "number" ? evalSteps : [...evalSteps],
    ...(backend !== undefined && { backend }),
  };
}

/** The seeds of a figure: as many as asked for, counted from the one asked for. */
export function seedsOf({ seeds }: Pick<Setting, "seeds">, options: FigureOptions): number[] {
  const first = options.seed ?? 0;
  return Array.from({ length: options.seeds ?? seeds }, (_, i) => first + i);
}
