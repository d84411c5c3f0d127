// Which parameters a run trains. Names and meanings are PEFT's.

import { z } from "@hono/zod-openapi";

/** A folder's name under the data folder: no separators, no leading dot, so that it can not leave it. */
export const StoredName = z.string().max(200).regex(
  /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)?$/,
  "Expected letters, digits, `.`, `_` and `-`, with at most one `/`",
);

/** A model's name: a folder's, or a Hugging Face id, perhaps with the revision that is wanted. */
export const ModelName = z.string().max(300).regex(
  /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*(@[A-Za-z0-9_][A-Za-z0-9._-]{0,99})?)?$/,
  "Expected letters, digits, `.`, `_` and `-`, with at most one `/`, and `@` before a revision",
);

/** One name or expression. */
const ModuleName = z.string().min(1).max(256);

/**
 * `all` = every linear layer of the blocks, `attention`, `mlp`, `all-linear` (routers of a mixture too), a regular
 * expression for whole paths, or module names.
 */
export const TargetModules = z.union([
  z.enum(["all", "attention", "mlp", "all-linear"]),
  ModuleName,
  z.array(ModuleName).min(1).max(1024),
]).openapi("TargetModules");

/** Numbers by expression for the end of a module's path. */
const ModulePattern = (value: z.ZodType<number>) =>
  z.record(ModuleName, value).refine((map) => Object.keys(map).length <= 1024, {
    message: "Expected at most 1024 entries",
  });

/** Low-rank adaptation (Hu et al. 2021). */
export const LoraMethod = z.strictObject({
  kind: z.literal("lora"),
  r: z.int().min(1).max(512).openapi({ description: "Rank." }),
  lora_alpha: z.number().positive().max(1e6).default(32).openapi({
    description: "The update is scaled by lora_alpha / r.",
  }),
  target_modules: TargetModules.default("all"),
  exclude_modules: z.union([ModuleName, z.array(ModuleName).min(1).max(1024)]).optional().openapi({
    description: "Modules to leave out: names, or a regular expression for whole paths.",
  }),
  layers_to_transform: z.array(z.int().min(0)).min(1).max(1024).optional().openapi({
    description: "Indices of the layers to adapt; absent: all.",
  }),
  layers_pattern: z.union([ModuleName, z.array(ModuleName).min(1).max(16)]).optional(),
  rank_pattern: ModulePattern(z.int().min(1).max(512)).optional().openapi({
    description: "Ranks of modules whose path ends in a match of the key.",
  }),
  alpha_pattern: ModulePattern(z.number().positive().max(1e6)).optional().openapi({
    description: "The same for lora_alpha.",
  }),
  use_rslora: z.boolean().optional().openapi({
    description: "Scale by lora_alpha / √r (Kalajdzievski 2023).",
  }),
  init: z.enum(["peft", "guide"]).default("peft").openapi({
    description: "A ~ U(±1/√d_in) (`peft`) or U(±1/√r) (`guide`); B = 0.",
  }),
  init_from: StoredName.optional().openapi({
    description: "An adapter stored under `adapters/` to go on from.",
  }),
  modules_to_save: z.array(z.string().min(1)).min(1).max(64).optional().openapi({
    description: "Modules trained in full beside the adapter, such as `embed_tokens`.",
  }),
}).openapi("LoraMethod");

/** Low-rank adaptation. */
export type LoraMethod = z.infer<typeof LoraMethod>;

/** Full fine-tuning of every parameter, or of the named matrices only. */
export const FullMethod = z.strictObject({
  kind: z.literal("full"),
  target_modules: TargetModules.optional().openapi({
    description: "Absent: every parameter. Otherwise these matrices only, the rest frozen.",
  }),
}).openapi("FullMethod");

/** How the model is trained. */
export const Method = z.discriminatedUnion("kind", [LoraMethod, FullMethod]).openapi("Method");
/** How the model is trained. */
export type Method = z.infer<typeof Method>;
