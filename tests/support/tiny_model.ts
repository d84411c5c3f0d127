// A random model and random text, small enough to train in a test.

import type { Backend } from "../../compute/backend/backend.ts";
import { type ModelConfig, parseModelConfig } from "../../compute/models/config.ts";
import type { LoraMethod, Method } from "../../compute/models/method.ts";
import {
  createModel,
  type Model,
  type ModelOptions,
  randomWeights,
} from "../../compute/models/model.ts";
import { philox } from "../../compute/rng.ts";
import type { Batch, BatchSource, StepBatches } from "../../compute/train/batch.ts";
import { batchOf } from "./numerics.ts";

/** Two layers, grouped-query attention, odd sizes where they are allowed. */
export const TINY: ModelConfig = parseModelConfig({
  architectures: ["LlamaForCausalLM"],
  hidden_size: 24,
  intermediate_size: 40,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 6,
  vocab_size: 31,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
});

/** The same with five experts, two for each token, in the second layer. */
export const TINY_EXPERTS: ModelConfig = parseModelConfig({
  ...TINY,
  architectures: ["Qwen3MoeForCausalLM"],
  num_experts: 5,
  num_experts_per_tok: 2,
  moe_intermediate_size: 20,
  norm_topk_prob: true,
  mlp_only_layers: [0],
});

/** Rank-4 LoRA on every matrix. */
export const LORA: LoraMethod = {
  kind: "lora",
  r: 4,
  lora_alpha: 32,
  target_modules: "all",
  init: "peft",
};

/** The tiny model. */
export function tinyModel(
  backend: Backend,
  method: Method = LORA,
  options: Partial<ModelOptions> = {},
): Promise<Model> {
  const { config = TINY } = options;
  const weights = randomWeights(config, 7, 0.2);
  return createModel({ backend, config, weights, method, dtype: "f32", seed: 3, ...options });
}

/** `rows` sequences of `length` tokens that follow a pattern, so that there is something to learn. */
export function tinyBatch(index: number, rows: number, length: number): Batch {
  const first = (row: number) => philox([row, 0, 0, 0], [index, 0])[0];
  const ids = Int32Array.from(
    { length: rows * length },
    (_, n) => (first(Math.floor(n / length)) + 3 * (n % length)) % TINY.vocab_size,
  );
  return batchOf(ids, ids, rows);
}

/** The same batch for a step of `micro` of them: weights count over the whole step. */
export function weighted(batch: Batch, share: number): Batch {
  return { ...batch, weight: batch.weight.map((w) => w * share) };
}

/** Batches 0, 1, 2, …, one a step. */
export function tinySource(rows: number, length: number): BatchSource<number> {
  let position = 0;
  return {
    next: (): StepBatches => [tinyBatch(position++, rows, length)],
    cursor: () => position,
    seek: (cursor) => void (position = cursor as number),
  };
}
