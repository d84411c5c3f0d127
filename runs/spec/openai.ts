// The requests of OpenAI's completion API that a model here can serve, and how they say the same as ours. What
// cannot be honoured is refused rather than passed over.

import { z } from "@hono/zod-openapi";
import { ChatMessage, type GenerateRequest, MAX_COMPLETIONS, MAX_PROMPTS } from "./generate.ts";
import { ModelName, StoredName } from "./method.ts";

/** `base`, or `base:adapter`. */
const ServedName = z.string().max(501).refine((name) => {
  const [model, adapter, more] = name.split(":");
  return more === undefined && ModelName.safeParse(model).success &&
    (adapter === undefined || StoredName.safeParse(adapter).success);
}, "Expected a model's name, or model:adapter").openapi({
  description: "A model's name, or `model:adapter`.",
  example: "noregret/tiny",
});

const Stop = z.union([z.string().min(1).max(200), z.array(z.string().min(1).max(200)).max(16)]);
const zero = z.literal(0).nullish();

const SharedFields = {
  model: ServedName,
  temperature: z.number().min(0).max(100).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(0).max(0xffffff).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  n: z.int().min(1).max(128).nullish(),
  stop: Stop.nullish(),
  seed: z.int().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.strictObject({ include_usage: z.boolean().optional() }).nullish(),
  user: z.string().nullish(),
  presence_penalty: zero,
  frequency_penalty: zero,
} as const;

/** POST /v1/chat/completions. */
export const ChatCompletionRequest = z.strictObject({
  ...SharedFields,
  messages: z.array(ChatMessage).min(1).max(1024),
  max_tokens: z.int().min(1).max(1_000_000).nullish(),
  max_completion_tokens: z.int().min(1).max(1_000_000).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: zero,
  response_format: z.strictObject({ type: z.literal("text") }).nullish(),
}).openapi("ChatCompletionRequest");
/** POST /v1/chat/completions. */
export type ChatCompletionRequest = z.infer<typeof ChatCompletionRequest>;

const Ids = z.array(z.int().min(0).max(0xfffffffe)).min(1);

const Prompt = z.union([
  z.string().min(1),
  Ids,
  z.array(z.string().min(1)).min(1).max(MAX_PROMPTS),
  z.array(Ids).min(1).max(MAX_PROMPTS),
]);

/** POST /v1/completions. */
export const CompletionRequest = z.strictObject({
  ...SharedFields,
  prompt: Prompt,
  max_tokens: z.int().min(1).max(1_000_000).nullish().openapi({ description: "16 if absent." }),
  logprobs: z.int().min(0).max(5).nullish().openapi({
    description: "Any number gives the drawn tokens' log-probabilities; no others are given.",
  }),
  echo: z.literal(false).nullish(),
  best_of: z.literal(1).nullish(),
}).superRefine(({ prompt, n }, context) => {
  const count = promptsOf(prompt).length * (n ?? 1);
  if (count <= MAX_COMPLETIONS) return;
  const message = `Expected at most ${MAX_COMPLETIONS} completions in all but found ${count}`;
  context.addIssue({ code: "custom", path: ["n"], message });
}).openapi("CompletionRequest");
/** POST /v1/completions. */
export type CompletionRequest = z.infer<typeof CompletionRequest>;

/** OpenAI's default for completions that are not asked how long they shall be. */
const COMPLETION_TOKENS = 16;

/** A chat request in our words; `seed` where it brings none. */
export function chatJob(request: ChatCompletionRequest, seed: number) {
  return {
    ...shared(request, seed),
    messages: request.messages,
    max_new_tokens: request.max_completion_tokens ?? request.max_tokens ?? undefined,
    logprobs: request.logprobs ?? false,
  };
}

/** A completion request in our words; `seed` where it brings none. */
export function completionJob(request: CompletionRequest, seed: number) {
  return {
    ...shared(request, seed),
    prompts: promptsOf(request.prompt),
    max_new_tokens: request.max_tokens ?? COMPLETION_TOKENS,
    logprobs: typeof request.logprobs === "number",
  };
}

/** One prompt, text or ids, or several. */
function promptsOf(prompt: z.infer<typeof Prompt>): NonNullable<GenerateRequest["prompts"]> {
  const single = typeof prompt === "string" || typeof prompt[0] === "number";
  return (single ? [prompt] : prompt) as NonNullable<GenerateRequest["prompts"]>;
}

function shared(request: ChatCompletionRequest | CompletionRequest, seed: number) {
  const [model, adapter] = request.model.split(":") as [string, string?];
  return {
    model,
    ...(adapter !== undefined && { adapter }),
    backend: "auto" as const,
    dtype: "f32" as const,
    add_special_tokens: true,
    temperature: request.temperature ?? 1,
    top_k: request.top_k ?? 0,
    top_p: request.top_p ?? 1,
    min_p: request.min_p ?? 0,
    num_generations: request.n ?? 1,
    stop: [request.stop ?? []].flat(),
    stop_token_ids: [],
    ignore_eos: false,
    // Any integer is a seed there; ours have 32 bits.
    seed: (request.seed ?? seed) >>> 0,
  };
}
