// Reinforcement learning with verified rewards. Names and meanings are TRL's.

import { z } from "@hono/zod-openapi";
import { FileDataset, NamedDataset } from "./dataset.ts";

/** Problems with answers that can be verified: a dataset's name, or one of the two objects. */
export const ProblemDataset = z.union([
  z.string().min(1).max(200),
  NamedDataset,
  FileDataset,
]).openapi("ProblemDataset");
/** Problems with answers that can be verified. */
export type ProblemDataset = z.infer<typeof ProblemDataset>;

/** Full fine-tuning on solved problems before the run, so that the policy knows how to answer. */
export const WarmUp = z.strictObject({
  dataset: ProblemDataset,
  max_steps: z.int().min(1).max(1_000_000),
  batch_size: z.int().min(1).max(65536).default(32),
  max_length: z.int().min(2).max(1 << 20).default(256).openapi({
    description: "Tokens of a packed sequence.",
  }),
  learning_rate: z.number().positive().max(3e38).default(1e-3),
  seed: z.int().min(0).max(0xffffffff).default(0),
}).openapi("WarmUp");
/** Full fine-tuning before the run. */
export type WarmUp = z.infer<typeof WarmUp>;

/** Group-relative policy optimisation (Shao et al. 2024) with answers verified by computation. */
export const GrpoTask = z.strictObject({
  kind: z.literal("grpo"),
  dataset: ProblemDataset,
  eval_dataset: ProblemDataset.optional().openapi({
    description: "Absent: the dataset's own held-out split, where it has one.",
  }),
  warm_up: WarmUp.optional().openapi({
    description:
      "Supervised fine-tuning of all weights that comes first. Runs which share it, model and " +
      "backend do it once; the KL is measured to its result.",
  }),
  num_generations: z.int().min(
    2,
    "Expected at least 2: a completion is measured against the others of its group",
  )
    .max(4096).default(32).openapi({ description: "Completions of each problem: one group." }),
  num_iterations: z.int().min(1).max(1000).default(1).openapi({
    description: "Updates on each batch of completions.",
  }),
  num_epochs: z.int().min(1).max(1000).default(1).openapi({
    description: "Passes over the problems, where max_steps does not end the run earlier.",
  }),
  max_prompt_length: z.int().min(1).max(1 << 20).default(2048).openapi({
    description: "Problems with longer prompts are passed over.",
  }),
  max_completion_length: z.int().min(1).max(1 << 20).default(1024),
  temperature: z.number().positive().max(100).default(0.8),
  eval_temperature: z.number().min(0).max(100).default(0).openapi({
    description: "At which held-out problems are answered; 0 takes the likeliest token.",
  }),
  loss_type: z.enum(["grpo", "bnpo", "dr_grpo", "dapo"]).default("grpo").openapi({
    description: "How the loss is averaged: over each completion, over the update's tokens, over " +
      "the longest possible completion, over the generation batch's tokens.",
  }),
  importance_sampling_level: z.enum(["token", "sequence"]).default("token"),
  epsilon: z.number().positive().max(1e6).default(0.2),
  epsilon_high: z.number().positive().max(1e6).optional().openapi({
    description: "Absent: epsilon.",
  }),
  beta: z.number().min(0).max(1e6).default(0).openapi({
    description: "Weight of the KL to the base model; with LoRA that is the adapter switched off.",
  }),
  log_kl: z.boolean().default(true).openapi({
    description: "Measure the KL where beta is 0 too: one more forward pass, and a copy of the " +
      "trained weights unless they are an adapter.",
  }),
  scale_rewards: z.boolean().default(false).openapi({
    description: "Divide advantages by the standard deviation of their group.",
  }),
  reasoning_delimiter: z.string().min(1).max(100).optional().openapi({
    description: "Only what follows it in a completion is its answer, such as `####` for GSM8K. " +
      "Absent: the verifier looks for the answer in all of it, where `8/2` answers 4 too.",
    example: "####",
  }),
  format_reward: z.number().min(0).max(1).default(0).openapi({
    description: "Added where a completion has an answer in a box, right or wrong.",
  }),
  mask_truncated_completions: z.boolean().default(true).openapi({
    description: "Completions that did not end count nothing in the loss.",
  }),
  max_steps_without_reward: z.int().min(0).max(1_000_000).default(100).openapi({
    description:
      "The run fails after this many steps if no completion was ever rewarded; 0: never.",
  }),
  num_completions_to_log: z.int().min(0).max(4096).default(4).openapi({
    description: "Completions that are stored with their rewards, every logging_steps.",
  }),
}).openapi("GrpoTask");
/** Reinforcement learning with verified rewards. */
export type GrpoTask = z.infer<typeof GrpoTask>;
