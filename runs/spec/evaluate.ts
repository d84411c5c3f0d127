// What POST /v1/evaluate is asked and what it answers.

import { z } from "@hono/zod-openapi";
import { Dataset, FileDataset, NamedDataset } from "./dataset.ts";
import { SamplingFields, Seed } from "./generate.ts";
import { ModelName, StoredName } from "./method.ts";

/** How probable a model finds a data set. */
export const NllTask = z.strictObject({
  kind: z.literal("nll"),
  dataset: Dataset.openapi({
    description: "A name without a split means the held-out one; a file, all of it.",
  }),
  max_length: z.int().min(2).max(1_048_576).optional().openapi({
    description: "Tokens of a sequence; absent: 2048 or the model's context.",
  }),
  completion_only_loss: z.boolean().default(true).openapi({
    description: "Leave the prompts' tokens out.",
  }),
}).openapi("NllTask");

/** How often a model's answers to problems are right. */
export const AccuracyTask = z.strictObject({
  kind: z.literal("accuracy"),
  dataset: z.union([z.string().min(1).max(200), NamedDataset, FileDataset]).openapi({
    description: "Problems with answers; a name without a split means the held-out one.",
  }),
  ...SamplingFields,
  temperature: SamplingFields.temperature.unwrap().optional().openapi({
    description: "Absent: 0 for one sample a problem, else 0.8.",
  }),
  num_generations: z.int().min(1).max(1024).default(1).openapi({
    description: "Samples of each problem.",
  }),
  k: z.array(z.int().min(1).max(1024)).min(1).max(16).optional().openapi({
    description: "For pass@k and maj@k; absent: 1 and num_generations.",
  }),
  max_new_tokens: z.int().min(1).max(1_000_000).optional().openapi({
    description: "Absent: 512, or what the model's context has left.",
  }),
  stop: z.array(z.string().min(1).max(200)).max(16).default([]),
  examples: z.int().min(0).max(100).default(3).openapi({
    description: "Problems that are given with their first sample.",
  }),
}).superRefine(({ k, num_generations }, context) => {
  const beyond = k?.find((each) => each > num_generations);
  if (beyond === undefined) return;
  context.addIssue({
    code: "custom",
    path: ["k"],
    message: `Expected at most num_generations (${num_generations}) but found ${beyond}`,
  });
}).openapi("AccuracyTask");
/** How often a model's answers to problems are right. */
export type AccuracyTask = z.infer<typeof AccuracyTask>;

/** A request. Unknown keys are refused. */
export const EvaluateRequest = z.strictObject({
  model: ModelName.openapi({ example: "noregret/tiny" }),
  adapter: StoredName.optional().openapi({ description: "An adapter stored under `adapters/`." }),
  backend: z.enum(["auto", "cpu", "webgpu"]).default("auto"),
  dtype: z.enum(["f32", "bf16", "nf4"]).default("f32").openapi({
    description:
      "Of the weights that no adapter replaces; nf4 is 4 bits for the projections, bf16 for the rest.",
  }),
  seed: Seed.default(0),
  task: z.discriminatedUnion("kind", [NllTask, AccuracyTask]),
}).openapi("EvaluateRequest");
/** A request, defaults filled in. */
export type EvaluateRequest = z.infer<typeof EvaluateRequest>;

const Estimate = z.object({ value: z.number(), low: z.number(), high: z.number() }).openapi(
  "Estimate",
  { description: "A value with its 95 % interval." },
);

/** Answers to a set of problems. */
export const Score = z.object({
  problems: z.int(),
  pass_at_k: z.record(z.string(), Estimate).openapi({
    description:
      "Chance that one of k samples is right, without bias (Chen et al. 2021); 1: accuracy.",
  }),
  maj_at_k: z.record(z.string(), Estimate).openapi({
    description:
      "Share of problems at which most of the first k samples agree on the right answer.",
  }),
}).openapi("Score");
/** Answers to a set of problems. */
export type Score = z.infer<typeof Score>;

/** A score for a level or a topic. */
const NamedScore = Score.extend({ name: z.string() });

/** What an evaluation found. */
export const EvaluateResult = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("nll"),
    nll: Estimate.openapi({ description: "Mean over counted tokens, in nats." }),
    bits: z.number(),
    perplexity: z.number(),
    tokens: z.int(),
    examples: z.int(),
  }),
  Score.extend({
    kind: z.literal("accuracy"),
    samples: z.int(),
    levels: z.array(NamedScore),
    topics: z.array(NamedScore),
    truncated: z.number().openapi({ description: "Share of samples cut off by max_new_tokens." }),
    unanswered: z.number().openapi({ description: "Share of samples without an answer." }),
    mean_tokens: z.number(),
    skipped: z.object({ unverifiable: z.int(), too_long: z.int() }).openapi({
      description: "Problems whose gold answer cannot be read, or whose prompt does not fit.",
    }),
    examples: z.array(z.object({
      prompt: z.string(),
      gold: z.string(),
      completion: z.string(),
      answer: z.string().nullable(),
      correct: z.boolean(),
    })),
  }),
]);
/** What an evaluation found. */
export type EvaluateResult = z.infer<typeof EvaluateResult>;

/** The answer. */
export const EvaluateResponse = z.object({
  model: z.string(),
  adapter: z.string().nullable(),
  backend: z.enum(["cpu", "webgpu"]),
  device: z.string(),
  seed: z.int(),
  result: EvaluateResult,
}).openapi("EvaluateResponse");
