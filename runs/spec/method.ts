// Which parameters a run trains. Names and meanings are PEFT's.

import { z } from "@hono/zod-openapi";

/** A folder's name under the data folder: no separators, no leading dot, so that it can not leave it. */
export const StoredName = z.string().max(200).regex(
  /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)?$/,
  "Expected letters, digits, `.`, `_` and `-`, with at most one `/`",
);

/** `all` = every linear layer of the blocks, `attention`, `mlp`, or module names. */
export const TargetModules = z.union([
  z.enum(["all", "attention", "mlp"]),
  z.array(z.string().min(1)).min(1).max(64),
]).openapi("TargetModules");

/** Low-rank adaptation (Hu et al. 2021). */
export const LoraMethod = z.strictObject({
  kind: z.literal("lora"),
  r: z.int().min(1).max(512).openapi({ description: "Rank." }),
  lora_alpha: z.number().positive().max(1e6).default(32).openapi({
    description: "The update is scaled by lora_alpha / r.",
  }),
  target_modules: TargetModules.default("all"),
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
