// A run as clients see it: the stored row, its events and its metric points.

import { z } from "@hono/zod-openapi";
import { RunSpec } from "./run_spec.ts";
import { MemoryNeeds } from "./worker.ts";

/** States of a run; the last three are final. */
export const RunStatus = z.enum(["queued", "running", "succeeded", "failed", "cancelled"])
  .openapi("RunStatus");
/** States of a run. */
export type RunStatus = z.infer<typeof RunStatus>;

/** True for a state that no run leaves. */
export function isFinal(status: RunStatus): boolean {
  return status !== "queued" && status !== "running";
}

/** One point of a run's curves. Absent: not measured at that step. */
export const MetricPoint = z.object({
  step: z.int(),
  tokens: z.int().optional().openapi({ description: "Tokens seen up to and with this step." }),
  train_nll: z.number().optional().openapi({
    description: "Mean NLL of this step's batch before its update, in nats.",
  }),
  grad_norm: z.number().optional().openapi({ description: "Before clipping." }),
  learning_rate: z.number().optional(),
  tokens_per_s: z.number().optional(),
  eval_nll: z.number().optional().openapi({ description: "Mean held-out NLL, in nats." }),
  eval_tokens: z.int().optional(),
  loss: z.number().optional().openapi({
    description: "Of the policy gradient, before the update.",
  }),
  reward_mean: z.number().optional(),
  reward_std: z.number().optional().openapi({ description: "Over the completions of the batch." }),
  frac_reward_zero_std: z.number().optional().openapi({
    description: "Share of groups whose rewards are all equal: they hold no signal.",
  }),
  completion_length: z.number().optional().openapi({ description: "Mean, in tokens." }),
  truncated_ratio: z.number().optional().openapi({
    description: "Share of completions that ran out of room.",
  }),
  entropy: z.number().optional().openapi({
    description: "Of the policy at the sampling temperature, in nats a token.",
  }),
  kl: z.number().optional().openapi({ description: "To the base model, in nats a token." }),
  clip_ratio: z.number().optional().openapi({ description: "Share of tokens that were clipped." }),
  ratio_deviation: z.number().optional().openapi({
    description:
      "Mean |ratio − 1| between learner and sampler; before the first update of a batch " +
      "it is what their arithmetic differs by.",
  }),
  problems: z.int().optional().openapi({ description: "Problems seen so far." }),
  episodes: z.int().optional().openapi({ description: "Completions sampled so far." }),
  problems_per_s: z.number().optional(),
  sampling_tokens_per_s: z.number().optional().openapi({ description: "Sampled tokens." }),
  training_tokens_per_s: z.number().optional().openapi({
    description: "Completion tokens that the update learnt from.",
  }),
  accuracy: z.number().optional().openapi({ description: "Held-out problems answered rightly." }),
  accuracy_low: z.number().optional().openapi({ description: "95 % interval (Wilson)." }),
  accuracy_high: z.number().optional(),
  eval_problems: z.int().optional(),
}).openapi("MetricPoint");
/** One point of a run's curves. */
export type MetricPoint = z.infer<typeof MetricPoint>;

/** Why a run failed. */
export const RunError = z.object({
  type: z.string().openapi({ description: "The error's class, or `Killed`." }),
  message: z.string(),
  step: z.int().optional(),
  grad_norm: z.string().optional().openapi({ description: "As text: it may be NaN or Infinity." }),
  last_checkpoint_step: z.int().optional().openapi({
    description: "The last good checkpoint: not one whose weights already gave no finite loss.",
  }),
}).openapi("RunError");
/** Why a run failed. */
export type RunError = z.infer<typeof RunError>;

/** How far a run is. */
export const Progress = z.object({
  step: z.int(),
  max_steps: z.int(),
  tokens: z.int().optional(),
  tokens_per_s: z.number().optional(),
}).openapi("Progress");
/** How far a run is. */
export type Progress = z.infer<typeof Progress>;

/** What a finished run leaves. */
export const RunResult = z.object({
  steps: z.int(),
  tokens: z.int(),
  train_nll: z.number().nullable().openapi({ description: "Of the last logged step, in nats." }),
  initial_eval_nll: z.number().nullable(),
  eval_nll: z.number().nullable().openapi({ description: "After the last step, in nats." }),
  eval_bits: z.number().nullable(),
  best_eval_nll: z.number().nullable(),
  eval_tokens: z.int().nullable(),
  initial_accuracy: z.number().nullable().optional().openapi({
    description: "Of held-out problems; grpo tasks only, as the next ones are.",
  }),
  accuracy: z.number().nullable().optional().openapi({ description: "After the last step." }),
  best_accuracy: z.number().nullable().optional(),
  eval_problems: z.int().nullable().optional(),
  episodes: z.int().nullable().optional().openapi({ description: "Completions sampled." }),
  trainable_parameters: z.int(),
  peak_memory_bytes: z.int(),
  seconds: z.number().openapi({ description: "Of this attempt's training." }),
  adapter: z.string().nullable().openapi({ description: "Folder under `adapters/`." }),
  commits: z.record(z.string(), z.string()).optional().openapi({
    description: "Of the model and the datasets that came from the hub, by name.",
  }),
}).openapi("RunResult");
/** What a finished run leaves. */
export type RunResult = z.infer<typeof RunResult>;

/** A run. */
export const Run = z.object({
  id: z.string(),
  status: RunStatus,
  spec: RunSpec,
  spec_hash: z.string(),
  code_version: z.string(),
  backend: z.string().nullable(),
  device: z.string().nullable(),
  attempts: z.int().openapi({ description: "Times a worker has started it." }),
  progress: Progress.nullable(),
  metrics: MetricPoint.nullable().openapi({
    description: "The last value of each metric, and the last step with any.",
  }),
  result: RunResult.nullable(),
  error: RunError.nullable(),
  created_at: z.iso.datetime(),
  started_at: z.iso.datetime().nullable(),
  finished_at: z.iso.datetime().nullable(),
  needs_bytes: MemoryNeeds.optional().openapi({
    description: "Planned memory by kind of device, to place the run by.",
  }),
  waiting_for: z.string().nullable().optional().openapi({
    description: "Of a queued run that no living worker could take: what it waits for.",
  }),
}).openapi("Run");
/** A run. */
export type Run = z.infer<typeof Run>;

/** Steps done of all steps, 0 … 1; a run that has ended is done. */
export function shareDone({ status, progress }: Run): number {
  if (isFinal(status)) return 1;
  return progress ? progress.step / progress.max_steps : 0;
}

/** A numbered event of a run. `seq` counts from 1 without a gap. */
export interface RunEvent {
  readonly seq: number;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A checkpoint on disk. */
export const Checkpoint = z.object({
  step: z.int(),
  bytes: z.int(),
  created_at: z.iso.datetime(),
}).openapi("Checkpoint");
/** A checkpoint on disk. */
export type Checkpoint = z.infer<typeof Checkpoint>;
