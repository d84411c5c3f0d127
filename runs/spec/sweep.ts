// A sweep: one spec with some of its fields varied, and what became of the runs.

import { z } from "@hono/zod-openapi";
import { RunStatus } from "./run.ts";

/** Runs of one sweep at most. */
const MOST_SWEEP_RUNS = 500;

const Values = z.array(z.unknown()).min(1).max(MOST_SWEEP_RUNS);
const Fields = z.record(z.string().min(1).max(200), z.unknown());

/** What sweeps are judged by: less is better, but for accuracy. */
export const SweepMetric = z.enum([
  "eval_nll",
  "best_eval_nll",
  "train_nll",
  "accuracy",
  "best_accuracy",
]).openapi(
  "SweepMetric",
);
/** What sweeps are judged by. */
export type SweepMetric = z.infer<typeof SweepMetric>;

/** When a run of a sweep is given up. */
export const EarlyStopping = z.strictObject({
  margin: z.number().min(0).default(0.1).openapi({
    description: "A run this many nats behind the best one at the same step is cancelled.",
  }),
  min_evals: z.int().min(1).default(2).openapi({
    description: "Evaluations that every run gets first, the one before training not counted.",
  }),
}).openapi("EarlyStopping");
/** When a run of a sweep is given up. */
export type EarlyStopping = z.infer<typeof EarlyStopping>;

/** What a client posts to `/v1/sweeps`. */
export const SweepRequest = z.strictObject({
  spec: z.record(z.string(), z.unknown()).openapi({
    description: "A run spec; the fields that are varied may be left out.",
  }),
  grid: z.record(z.string().min(1).max(200), Values).optional().openapi({
    description: "Field → values; a run for every combination.",
    example: { "method.r": [1, 16], "optimizer.learning_rate": [1e-3, 3e-3, 1e-2] },
  }),
  list: z.array(Fields).min(1).max(MOST_SWEEP_RUNS).optional().openapi({
    description: "Field → value; a run for every item.",
  }),
  metric: SweepMetric.default("eval_nll"),
  early_stopping: EarlyStopping.optional(),
  shared_base: z.boolean().optional().openapi({
    description: "Supervised LoRA runs that differ in their adapter and optimizer alone train " +
      "together, over one copy of the model, with the numbers that each would have alone.",
  }),
}).superRefine(({ grid, list }, context) => {
  if ((grid === undefined) === (list === undefined)) {
    context.addIssue({ code: "custom", message: "Expected either grid or list" });
  }
  const runs = Object.values(grid ?? {}).reduce((product, values) => product * values.length, 1);
  if (runs > MOST_SWEEP_RUNS) {
    context.addIssue({
      code: "custom",
      path: ["grid"],
      message: `Expected at most ${MOST_SWEEP_RUNS} runs but found ${runs}`,
    });
  }
}).openapi("SweepRequest");
/** A sweep as a client asks for it. */
export type SweepRequest = z.infer<typeof SweepRequest>;

/** One run of a sweep. */
export const SweepRun = z.object({
  run_id: z.string(),
  status: RunStatus,
  changes: Fields.openapi({ description: "What sets it apart from the sweep's spec." }),
  progress: z.number().openapi({ description: "0 … 1." }),
  value: z.number().nullable().openapi({
    description: "The sweep's metric, as far as it is known.",
  }),
  stopped_early: z.boolean(),
}).openapi("SweepRun");
/** One run of a sweep. */
export type SweepRun = z.infer<typeof SweepRun>;

/** A sweep. */
export const Sweep = z.object({
  id: z.string(),
  status: z.enum(["running", "done"]),
  metric: SweepMetric,
  created_at: z.iso.datetime(),
  total: z.int(),
  finished: z.int(),
  progress: z.number().openapi({ description: "0 … 1, over all runs." }),
  best: SweepRun.nullable().openapi({ description: "Of the runs that succeeded." }),
  runs: z.array(SweepRun),
}).openapi("Sweep");
/** A sweep. */
export type Sweep = z.infer<typeof Sweep>;
