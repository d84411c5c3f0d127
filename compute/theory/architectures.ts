// The shapes of the models that the paper and its method guide name, so that nothing is downloaded to
// answer a question about them, and of those that ship. From each model's config.json.

import type { Architecture } from "./architecture.ts";

const LLAMA = {
  model_type: "llama",
  num_key_value_heads: 8,
  head_dim: 128,
  vocab_size: 128256,
} as const;

const QWEN3 = {
  model_type: "qwen3",
  num_key_value_heads: 8,
  head_dim: 128,
  vocab_size: 151936,
} as const;

const LLAMA_3_1_8B: Architecture = {
  ...LLAMA,
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  tie_word_embeddings: false,
};

const LLAMA_3_1_70B: Architecture = {
  ...LLAMA,
  hidden_size: 8192,
  intermediate_size: 28672,
  num_hidden_layers: 80,
  num_attention_heads: 64,
  tie_word_embeddings: false,
};

const LLAMA_3_2_1B: Architecture = {
  ...LLAMA,
  hidden_size: 2048,
  intermediate_size: 8192,
  num_hidden_layers: 16,
  num_attention_heads: 32,
  head_dim: 64,
  tie_word_embeddings: true,
};

const LLAMA_3_2_3B: Architecture = {
  ...LLAMA,
  hidden_size: 3072,
  intermediate_size: 8192,
  num_hidden_layers: 28,
  num_attention_heads: 24,
  tie_word_embeddings: true,
};

const QWEN3_0_6B: Architecture = {
  ...QWEN3,
  hidden_size: 1024,
  intermediate_size: 3072,
  num_hidden_layers: 28,
  num_attention_heads: 16,
  tie_word_embeddings: true,
};

const QWEN3_1_7B: Architecture = { ...QWEN3_0_6B, hidden_size: 2048, intermediate_size: 6144 };

const QWEN3_4B: Architecture = {
  ...QWEN3,
  hidden_size: 2560,
  intermediate_size: 9728,
  num_hidden_layers: 36,
  num_attention_heads: 32,
  tie_word_embeddings: true,
};

const QWEN3_8B: Architecture = {
  ...QWEN3,
  hidden_size: 4096,
  intermediate_size: 12288,
  num_hidden_layers: 36,
  num_attention_heads: 32,
  tie_word_embeddings: false,
};

const QWEN3_14B: Architecture = {
  ...QWEN3,
  hidden_size: 5120,
  intermediate_size: 17408,
  num_hidden_layers: 40,
  num_attention_heads: 40,
  tie_word_embeddings: false,
};

const QWEN3_32B: Architecture = {
  ...QWEN3,
  hidden_size: 5120,
  intermediate_size: 25600,
  num_hidden_layers: 64,
  num_attention_heads: 64,
  tie_word_embeddings: false,
};

const QWEN3_30B_A3B: Architecture = {
  ...QWEN3,
  model_type: "qwen3_moe",
  hidden_size: 2048,
  intermediate_size: 6144,
  num_hidden_layers: 48,
  num_attention_heads: 32,
  num_key_value_heads: 4,
  tie_word_embeddings: false,
  num_experts: 128,
  num_experts_per_tok: 8,
  moe_intermediate_size: 768,
};

const TINY: Architecture = {
  model_type: "llama",
  hidden_size: 128,
  intermediate_size: 384,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 32,
  vocab_size: 256,
  tie_word_embeddings: true,
};

const TINY_MOE: Architecture = {
  ...TINY,
  model_type: "qwen3_moe",
  num_experts: 4,
  num_experts_per_tok: 2,
  moe_intermediate_size: 192,
};

/** Shapes by Hugging Face id, or by the name of a model that ships. */
export const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  "noregret/tiny": TINY,
  "noregret/tiny-moe": TINY_MOE,
  "meta-llama/Llama-3.1-8B": LLAMA_3_1_8B,
  "meta-llama/Llama-3.1-8B-Instruct": LLAMA_3_1_8B,
  "meta-llama/Llama-3.1-70B": LLAMA_3_1_70B,
  "meta-llama/Llama-3.2-1B": LLAMA_3_2_1B,
  "meta-llama/Llama-3.2-3B": LLAMA_3_2_3B,
  "Qwen/Qwen3-0.6B": QWEN3_0_6B,
  "Qwen/Qwen3-0.6B-Base": QWEN3_0_6B,
  "Qwen/Qwen3-1.7B": QWEN3_1_7B,
  "Qwen/Qwen3-1.7B-Base": QWEN3_1_7B,
  "Qwen/Qwen3-4B": QWEN3_4B,
  "Qwen/Qwen3-4B-Base": QWEN3_4B,
  "Qwen/Qwen3-8B": QWEN3_8B,
  "Qwen/Qwen3-8B-Base": QWEN3_8B,
  "Qwen/Qwen3-14B": QWEN3_14B,
  "Qwen/Qwen3-14B-Base": QWEN3_14B,
  "Qwen/Qwen3-32B": QWEN3_32B,
  "Qwen/Qwen3-30B-A3B": QWEN3_30B_A3B,
  "Qwen/Qwen3-30B-A3B-Base": QWEN3_30B_A3B,
};

/** Shapes of a model by its id, with or without the owner ("Llama-3.1-8B"); undefined if not built in. */
export function findArchitecture(model: string): Architecture | undefined {
  if (Object.hasOwn(ARCHITECTURES, model)) return ARCHITECTURES[model];
  const id = Object.keys(ARCHITECTURES).find((id) => id.endsWith(`/${model}`));
  return id === undefined ? undefined : ARCHITECTURES[id];
}
