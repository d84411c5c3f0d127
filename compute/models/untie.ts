// A model whose output embedding is no longer its input embedding: PEFT trains a copy of either where it is asked to
// save it, unless it is told to keep them tied.

import type { ModelConfig } from "./config.ts";
import type { LoraMethod } from "./method.ts";
import type { WeightSource } from "./weights.ts";

/** A model as it is stored. */
export interface StoredBase {
  readonly config: ModelConfig;
  readonly weights: WeightSource;
}

const INPUT = "model.embed_tokens.weight", OUTPUT = "lm_head.weight";

/** The base that an adapter was trained on: with embeddings of their own where it has untied them. */
export function untiedFor<Base extends StoredBase>(base: Base, { untied }: LoraMethod): Base {
  if (!untied || !base.config.tie_word_embeddings) return base;
  const { weights } = base;
  const source = (name: string) => name === OUTPUT ? INPUT : name;
  return {
    ...base,
    config: { ...base.config, tie_word_embeddings: false },
    weights: {
      names: new Set([...weights.names, OUTPUT]),
      shape: (name) => weights.shape(source(name)),
      read: (name, dtype) => weights.read(source(name), dtype),
      ...weights.parts && { parts: (name, dtype) => weights.parts!(source(name), dtype) },
      ...weights.storedAs && { storedAs: (name) => weights.storedAs!(source(name)) },
    },
  };
}
