// What POST /v1/generate is asked and what it answers.

import { z } from "@hono/zod-openapi";
import { ModelName, StoredName } from "./method.ts";

/** Prompts of one request, and completions of all of them together, at most. */
export const MAX_PROMPTS = 256;
/** See {@linkcode MAX_PROMPTS}. */
export const MAX_COMPLETIONS = 1024;
/** Characters of a request's prompts, at most. */
const MAX_CHARACTERS = 4 * 1024 * 1024;

/** Token ids. */
const Ids = z.array(z.int().min(0).max(0xfffffffe)).min(1).max(1_000_000);

/** One turn of a conversation; templates may read further keys. */
export const ChatMessage = z.looseObject({
  role: z.string().min(1),
  content: z.union([z.string(), z.null(), z.array(z.unknown())]).optional(),
}).openapi("ChatMessage");

/** How the next token is drawn; names are those of Hugging Face's generation options. */
export const SamplingFields = {
  temperature: z.number().min(0).max(100).default(1).openapi({
    description: "Divides the logits; 0 takes the likeliest token.",
  }),
  top_k: z.int().min(0).max(0xffffff).default(0).openapi({
    description: "Keep the k likeliest tokens; 0 keeps all.",
  }),
  top_p: z.number().min(0).max(1).default(1).openapi({
    description: "Keep the likeliest tokens that together have at least this probability.",
  }),
  min_p: z.number().min(0).max(1).default(0).openapi({
    description: "Keep tokens of at least this share of the largest probability.",
  }),
} as const;

/** A seed: the same request gives the same tokens on the same backend, whatever else is being served. */
export const Seed = z.int().min(0).max(0xffffffff);

/** A request. Unknown keys are refused. */
export const GenerateRequest = z.strictObject({
  model: ModelName.openapi({ example: "noregret/tiny" }),
  adapter: StoredName.optional().openapi({ description: "An adapter stored under `adapters/`." }),
  backend: z.enum(["auto", "cpu", "webgpu"]).default("auto"),
  dtype: z.enum(["f32", "bf16", "nf4"]).default("f32").openapi({
    description:
      "Of the weights that no adapter replaces; nf4 is 4 bits for the projections, bf16 for the rest.",
  }),
  prompts: z.array(z.union([z.string().min(1), Ids])).min(1).max(MAX_PROMPTS).optional().openapi({
    description: "Texts or token ids to continue; give these or messages.",
  }),
  messages: z.array(ChatMessage).min(1).max(1024).optional().openapi({
    description: "A conversation to answer, by the model's chat template.",
  }),
  add_special_tokens: z.boolean().default(true).openapi({
    description: "Put the model's special tokens around a text; a chat template writes its own.",
  }),
  ...SamplingFields,
  num_generations: z.int().min(1).max(MAX_COMPLETIONS).default(1).openapi({
    description: "Completions of each prompt.",
  }),
  max_new_tokens: z.int().min(1).max(1_000_000).optional().openapi({
    description: "Absent: 256, or what the model's context has left.",
  }),
  stop: z.array(z.string().min(1).max(200)).max(16).default([]).openapi({
    description: "Texts that end a completion and are not part of it.",
  }),
  stop_token_ids: z.array(z.int().min(0).max(0xfffffffe)).max(4).default([]).openapi({
    description: "Tokens that end a completion, beside the model's own.",
  }),
  ignore_eos: z.boolean().default(false).openapi({
    description: "Go on after the model's own end of text.",
  }),
  seed: Seed.optional().openapi({ description: "Absent: one is drawn, and told." }),
  logprobs: z.boolean().default(false).openapi({
    description: "Also give each token's log-probability, in nats, under the temperature alone.",
  }),
}).superRefine(({ prompts, messages, num_generations }, context) => {
  if ((prompts === undefined) === (messages === undefined)) {
    context.addIssue({
      code: "custom",
      path: ["prompts"],
      message: "Expected either prompts or messages",
    });
    return;
  }
  const count = (prompts?.length ?? 1) * num_generations;
  if (count > MAX_COMPLETIONS) {
    context.addIssue({
      code: "custom",
      path: ["num_generations"],
      message: `Expected at most ${MAX_COMPLETIONS} completions in all but found ${count}`,
    });
  }
  const characters = (prompts ?? []).reduce((sum, prompt) => sum + prompt.length, 0);
  if (characters > MAX_CHARACTERS) {
    context.addIssue({
      code: "custom",
      path: ["prompts"],
      message: `Expected at most ${MAX_CHARACTERS} characters in all but found ${characters}`,
    });
  }
}).openapi("GenerateRequest");
/** A request, defaults filled in. */
export type GenerateRequest = z.infer<typeof GenerateRequest>;

/** One completion. */
export const GeneratedCompletion = z.object({
  prompt: z.int().openapi({ description: "Position of its prompt." }),
  index: z.int().openapi({ description: "Position among the completions of its prompt." }),
  text: z.string().nullable().openapi({ description: "Null where the model has no tokeniser." }),
  ids: z.array(z.int()).openapi({ description: "Its tokens, a stop token included." }),
  logprobs: z.array(z.number()).optional(),
  finish_reason: z.enum(["stop", "length"]),
}).openapi("Completion");
/** One completion. */
export type GeneratedCompletion = z.infer<typeof GeneratedCompletion>;

/** Tokens read and drawn. */
export const Usage = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
}).openapi("Usage");
/** Tokens read and drawn. */
export type Usage = z.infer<typeof Usage>;

/** The answer. */
export const GenerateResponse = z.object({
  model: z.string(),
  adapter: z.string().nullable(),
  backend: z.enum(["cpu", "webgpu"]),
  device: z.string(),
  seed: z.int(),
  completions: z.array(GeneratedCompletion),
  usage: Usage,
}).openapi("GenerateResponse");
