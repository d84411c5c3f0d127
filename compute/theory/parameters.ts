// Exact parameter counts from a model's shapes.

import { type Architecture, linearShapes, type Targets, targetShapes } from "./architecture.ts";

/**
 * Parameters of the base model: embedding, output projection where it is not tied, linear layers,
 * routers and norms. Equals the sum over the tensors of the published checkpoints (Llama-3.1-8B:
 * 8,030,261,248).
 */
export function baseParameters(architecture: Architecture): number {
  const { hidden_size: C, num_hidden_layers: layers, vocab_size: V } = architecture;
  const embedding = V * C;
  const linear = linearShapes(architecture)
    .filter(({ module }) => module !== "lm_head" || !architecture.tie_word_embeddings)
    .reduce((sum, { inputs, outputs, count }) => sum + inputs * outputs * count, 0);
  const routers = layers * C * (architecture.num_experts ?? 0);
  // Qwen3 normalises each query and key head; all families have two norms a layer and a last one.
  const headNorms = architecture.model_type === "llama" ? 0 : 2 * architecture.head_dim;
  const norms = layers * (2 * C + headNorms) + C;
  return embedding + linear + routers + norms;
}

/**
 * Rank of an expert's adapter where `r` is the rank asked for: r over the experts that a token passes
 * through, so that LoRA's share of the active parameters is that of the other layers, and at least 1
 * (Schulman et al. 2025, "LoRA Without Regret", section on layers). Rounded up for an estimate; a run asks
 * for a multiple.
 */
export function expertRank(architecture: Architecture, r: number): number {
  return Math.max(1, Math.ceil(r / (architecture.num_experts_per_tok ?? 1)));
}

/**
 * Parameters of a LoRA: each adapted matrix W [out, in] has A [r, in] and B [out, r], so r · (in + out)
 * (Hu et al. 2021, section 4.1). Grouped-query attention makes k_proj and v_proj narrower than
 * q_proj; each expert has an adapter of its own.
 */
export function loraParameters(architecture: Architecture, targets: Targets, r: number): number {
  return targetShapes(architecture, targets).reduce((sum, { inputs, outputs, count, expert }) => {
    const rank = expert ? expertRank(architecture, r) : r;
    return sum + rank * (inputs + outputs) * count;
  }, 0);
}

/**
 * The ranks that a run takes are multiples of this: of the experts that a token passes through where
 * experts are among the targets, so that each expert's share of it is whole (see {@linkcode expertRank}).
 */
export function rankUnit(architecture: Architecture, targets: Targets): number {
  const experts = targetShapes(architecture, targets).some(({ expert }) => expert);
  return experts ? architecture.num_experts_per_tok ?? 1 : 1;
}

/** LoRA parameters that one more unit of rank adds, on average over the ranks that a run takes. */
export function parametersPerRank(architecture: Architecture, targets: Targets): number {
  const unit = rankUnit(architecture, targets);
  return loraParameters(architecture, targets, unit) / unit;
}
