// A run spec: what a client posts, what is stored, what the worker trains by. This schema is the
// only source of types, defaults, validation and the OpenAPI document.

import { z } from "@hono/zod-openapi";
import { GrpoTask } from "./grpo.ts";
import { Method, ModelName } from "./method.ts";
import { Optimizer } from "./optimizer.ts";
import { SftTask } from "./sft.ts";

/** What a run learns from. */
export const Task = z.discriminatedUnion("kind", [SftTask, GrpoTask]).openapi("Task");

/** What a client posts. Unknown keys are rejected; defaults are filled in. */
export const RunSpec = z.strictObject({
  model: ModelName.openapi({
    description:
      "A shipped model, a folder under `models/` in Hugging Face layout, or a Hugging Face id, " +
      "with `@` and a branch, tag or commit where one is wanted.",
    example: "noregret/tiny",
  }),
  backend: z.enum(["auto", "cpu", "webgpu"]).default("auto"),
  seed: z.int().min(0).max(0xffffffff).default(0),
  dtype: z.enum(["f32", "bf16", "nf4"]).default("f32").openapi({
    description:
      "Of frozen weights; trained ones are f32. With nf4 the projections' matrices have " +
      "4 bits and what else is frozen is bf16 (QLoRA): for method lora only.",
  }),
  method: Method,
  task: Task,
  optimizer: Optimizer.prefault({}),
  batch_size: z.int().min(1).max(65536).default(32).openapi({
    description:
      "Sequences of one update, over all accumulation steps; in a grpo task completions, " +
      "a multiple of num_generations.",
  }),
  gradient_accumulation_steps: z.int().min(1).max(65536).default(1),
  max_steps: z.int().min(1).max(100_000_000).optional().openapi({
    description: "Updates. Absent: as many as num_epochs over the data need.",
  }),
  gradient_checkpointing: z.boolean().default(false),
  logging_steps: z.int().min(1).default(10).openapi({
    description: "A grpo task logs every step, and sample completions at these.",
  }),
  eval_steps: z.union([z.int().min(1), z.array(z.int().min(1)).min(1).max(10_000)]).default(100)
    .openapi({ description: "Steps between evaluations, or the steps themselves." }),
  save_steps: z.int().min(1).default(1000),
  report_to: z.array(z.enum(["tensorboard"])).max(1).optional().openapi({
    description: "Also write the metrics as event files under `tensorboard/` of the data folder.",
  }),
}).superRefine(({ batch_size, gradient_accumulation_steps, task, dtype, method }, context) => {
  if (dtype === "nf4" && method.kind === "full") {
    context.addIssue({
      code: "custom",
      path: ["dtype"],
      message: 'Expected "f32" or "bf16" with method "full" but found "nf4": ' +
        "only frozen weights are quantised",
    });
  }
  if (task.kind === "grpo" && batch_size % task.num_generations !== 0) {
    context.addIssue({
      code: "custom",
      path: ["batch_size"],
      message: `Expected a multiple of num_generations (${task.num_generations}) ` +
        `but found ${batch_size}`,
    });
  }
  if (batch_size % gradient_accumulation_steps !== 0) {
    context.addIssue({
      code: "custom",
      path: ["gradient_accumulation_steps"],
      message: `Expected a divisor of batch_size (${batch_size}) ` +
        `but found ${gradient_accumulation_steps}`,
    });
  }
}).openapi("RunSpec");
/** A parsed run spec, defaults filled in. */
export type RunSpec = z.infer<typeof RunSpec>;
/** A run spec as a client may write it, defaults left out. */
export type RunSpecInput = z.input<typeof RunSpec>;
