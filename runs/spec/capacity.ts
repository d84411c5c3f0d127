// The question that POST /v1/capacity and `deno task capacity` answer: wire format, types and defaults.

import { z } from "@hono/zod-openapi";
import { type Advice, advise } from "../../compute/theory/advice.ts";
import { type Architecture, TARGET_MODULES } from "../../compute/theory/architecture.ts";
import { ARCHITECTURES, findArchitecture } from "../../compute/theory/architectures.ts";

const count = z.int().min(1);
/** Means may be fractions; within these ends no product of them is 0 or infinite. */
const amount = z.number().min(1e-9).max(1e15);

const architectureSchema = z.strictObject({
  model_type: z.enum(["llama", "qwen3", "qwen3_moe"]).default("llama"),
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  num_key_value_heads: count.optional().describe("num_attention_heads if absent"),
  head_dim: count.optional().describe("hidden_size / num_attention_heads if absent"),
  vocab_size: count,
  tie_word_embeddings: z.boolean().default(false),
  num_experts: count.optional(),
  num_experts_per_tok: count.optional(),
  moe_intermediate_size: count.optional(),
}).superRefine((shapes, context) => {
  const refuse = (path: keyof typeof shapes, message: string) =>
    context.addIssue({ code: "custom", path: [path], message });
  const { model_type, hidden_size, head_dim, num_experts, num_experts_per_tok = 0 } = shapes;
  const { num_attention_heads: heads, num_key_value_heads: keys = heads } = shapes;
  const moe = ["num_experts", "num_experts_per_tok", "moe_intermediate_size"] as const;
  const reason = model_type === "qwen3_moe"
    ? `model_type "${model_type}"`
    : moe.find((name) => shapes[name] !== undefined);
  for (const path of moe) {
    if (reason && shapes[path] === undefined) refuse(path, `Required with ${reason}`);
  }
  if (num_experts_per_tok > (num_experts ?? Infinity)) {
    refuse("num_experts_per_tok", `Expected at most num_experts (${num_experts})`);
  }
  if (heads % keys !== 0) {
    refuse("num_key_value_heads", `Expected a divisor of num_attention_heads (${heads})`);
  }
  if (head_dim === undefined && hidden_size % heads !== 0) {
    refuse("head_dim", "Required where hidden_size is no multiple of num_attention_heads");
  }
});

const datasetSchema = z.union([
  z.strictObject({
    examples: count,
    tokens_per_example: amount,
    bits_per_token: amount.default(1),
  }),
  z.strictObject({
    episodes: count,
    samples_per_episode: count.default(1),
    bits_per_sample: amount.default(1),
  }),
]);

/** A question about a run. Unknown keys are refused. */
export const capacityRequestSchema = z.strictObject({
  model: z.string().optional().describe("A built-in model; give this or architecture"),
  architecture: architectureSchema.optional(),
  r: z.int().min(1).max(8192).optional().describe("The recommended rank if absent"),
  target_modules: z.union([
    z.enum(["all", "attention", "mlp"]),
    z.array(z.enum(TARGET_MODULES)).min(1),
  ]).default("all"),
  dataset: datasetSchema,
  batch_size: count.optional().describe("The recommended size if absent"),
  max_length: count.default(2048).describe("Tokens of a sequence"),
  dtype: z.enum(["f32", "bf16", "nf4"]).default("bf16").describe("Of the frozen weights"),
}).superRefine(({ model, architecture }, context) => {
  if ((model === undefined) === (architecture === undefined)) {
    const message = "Expected either model or architecture";
    context.addIssue({ code: "custom", path: ["model"], message });
  } else if (model !== undefined && findArchitecture(model) === undefined) {
    const known = Object.keys(ARCHITECTURES).join(", ");
    const message = `Unknown model "${model}", expected one of ${known}; or give its architecture`;
    context.addIssue({ code: "custom", path: ["model"], message });
  }
});

/** A question about a run, defaults filled in. */
export type CapacityRequest = z.infer<typeof capacityRequestSchema>;

const number = z.number();
const flopsSchema = z.strictObject({
  forward: number,
  full: number,
  lora: number,
  ratio: number.describe("lora / full"),
});
const memorySchema = z.strictObject({
  weights: number,
  adapter: number,
  gradients: number,
  optimizer: number,
  activations: number,
  total: number,
});

const runTimeSchema = z.strictObject({ tokens_per_s: number, seconds: number }).nullable();

/** How long one pass over the data takes; null where this host has no runs to judge by. */
export const RunTime = z.strictObject({
  runs: z.int().describe("Finished runs of the model on this host"),
  lora: runTimeSchema,
  full: runTimeSchema,
}).nullable();
/** How long one pass over the data takes. */
export type RunTime = z.infer<typeof RunTime>;

/** The answer. */
export const capacityResponseSchema = z.strictObject({
  trainable_parameters: number,
  parameters_per_rank: number,
  base_parameters: number,
  capacity_bits: number.describe("2 bits a trainable parameter"),
  dataset_bits: number,
  capacity_ratio: number.describe("capacity_bits / dataset_bits"),
  required_r: number.describe("The smallest rank that holds the data set"),
  verdict: z.enum(["fits", "capacity_limited"]),
  flops_per_token: flopsSchema,
  memory_bytes: z.strictObject({ lora: memorySchema, full: memorySchema }),
  adapter_bytes: number,
  recommended: z.strictObject({
    r: number,
    learning_rate: number,
    full_learning_rate: number,
    batch_size: number,
    reasons: z.array(z.string()).readonly(),
  }),
  run_time: RunTime.describe("One pass over the data, by what this host has measured"),
});

/** Answers a checked question. */
export function answerCapacity(request: CapacityRequest): Advice {
  return advise({
    architecture: architectureOf(request),
    r: request.r,
    targets: request.target_modules,
    dataset: request.dataset,
    batchSize: request.batch_size,
    maxLength: request.max_length,
    dtype: request.dtype,
  });
}

// The schema has made sure that one of the two is there.
function architectureOf({ model, architecture }: CapacityRequest): Architecture {
  if (architecture === undefined) return findArchitecture(model!)!;
  const { num_attention_heads: heads, hidden_size } = architecture;
  return {
    ...architecture,
    num_key_value_heads: architecture.num_key_value_heads ?? heads,
    head_dim: architecture.head_dim ?? hidden_size / heads,
  };
}
