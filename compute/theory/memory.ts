// Device memory of a training run, in bytes, as this project lays it out: trained parameters, their
// gradients and both moments are f32; frozen weights have the run's dtype.

import { type Architecture, linearShapes, type Targets, targetShapes } from "./architecture.ts";
import { baseParameters, expertRank, loraParameters } from "./parameters.ts";

/** Type of the frozen weights. */
export type WeightType = "f32" | "bf16" | "nf4";

const F32_BYTES = 4;

/**
 * Bytes of one weight. NF4 has 4 bits and a share of its block's scale, 0.127 bits with double
 * quantisation (Dettmers et al. 2023, "QLoRA", section 3).
 */
const WEIGHT_BYTES: Readonly<Record<WeightType, number>> = {
  f32: 4,
  bf16: 2,
  nf4: 4.127 / 8,
};

/** Tokens whose logits exist at once: the output projection and the loss go in chunks of this many. */
export const LOSS_CHUNK_TOKENS = 256;

/** Logits of a token that exist at once: a larger vocabulary goes in tiles of as many columns. */
export const LOSS_TILE_COLUMNS = 65_536;

/** Bytes by use. */
export interface MemoryBytes {
  readonly weights: number;
  readonly adapter: number;
  readonly gradients: number;
  readonly optimizer: number;
  readonly activations: number;
  readonly total: number;
}

/** What a run keeps in memory beside its parameters. */
export interface MemoryOptions {
  readonly dtype: WeightType;
  /** Tokens of one forward and backward pass. */
  readonly tokens: number;
  /** Keep only the input of each block and run its forward pass again. */
  readonly checkpointing: boolean;
}

/** Bytes of frozen weights; embeddings, output projection and norms stay bf16 under nf4, as in QLoRA. */
export function weightBytes(architecture: Architecture, dtype: WeightType): number {
  const all = baseParameters(architecture);
  if (dtype !== "nf4") return all * WEIGHT_BYTES[dtype];
  const quantised = linearShapes(architecture)
    .filter(({ module }) => module !== "lm_head")
    .reduce((sum, { inputs, outputs, count }) => sum + inputs * outputs * count, 0);
  return Math.ceil(quantised * WEIGHT_BYTES.nf4) + (all - quantised) * WEIGHT_BYTES.bf16;
}

/** Bytes of an adapter file: bf16, or f32 where the weights are f32. */
export function adapterBytes(parameters: number, dtype: WeightType): number {
  return parameters * (dtype === "f32" ? WEIGHT_BYTES.f32 : WEIGHT_BYTES.bf16);
}

/**
 * f32 values that one block keeps of one token for its backward pass: its input and the sum after
 * attention, both normalised too, q, k, v, the attention's output and statistics, gate, up and their
 * product for each active expert, a router's logits and choice, and x Aᵀ for each adapter (Korthikanti et al. 2022, "Reducing
 * Activation Recomputation", section 4, without its half precision and dropout).
 */
function blockActivations(architecture: Architecture, targets: Targets, r: number): number {
  const { hidden_size: C, num_attention_heads: H, num_key_value_heads: K, head_dim: D } =
    architecture;
  const experts = architecture.num_experts_per_tok ?? 1;
  const F = architecture.moe_intermediate_size ?? architecture.intermediate_size;
  // Qwen3 keeps queries and keys before their norm too, and the norm's statistics.
  const headNorms = architecture.model_type === "llama" ? 0 : (H + K) * (D + 1);
  const attention = 2 * H * D + 2 * K * D + 2 * H + headNorms;
  const norms = 4 * C + 2;
  const low = r === 0 ? 0 : targetShapes(architecture, targets)
    .filter(({ module }) => module !== "lm_head")
    .reduce((sum, { active, expert }) => {
      const rank = expert ? expertRank(architecture, r) : r;
      return sum + rank * active / architecture.num_hidden_layers;
    }, 0);
  // Logits; then expert, weight, row and slot of each choice.
  const routing = (architecture.num_experts ?? 0) &&
    architecture.num_experts! + 4 * experts;
  return norms + attention + 3 * F * experts + routing + low;
}

/**
 * Bytes of activations: what the blocks keep, the gradients of the block under way (of its queries,
 * keys, values, and of gate, up and their product), a few hidden states and one tile of logits. With
 * checkpointing each block keeps its input, and one block at a time everything (Chen et al. 2016,
 * arXiv:1604.06174). compute/train/plan_memory.ts counts exactly, device by device; this is within a
 * few per cent of it.
 */
export function activationBytes(
  architecture: Architecture,
  targets: Targets,
  r: number,
  { tokens, checkpointing }: Pick<MemoryOptions, "tokens" | "checkpointing">,
): number {
  const { hidden_size: C, num_hidden_layers: layers, vocab_size: V, head_dim: D } = architecture;
  const { num_attention_heads: H, num_key_value_heads: K } = architecture;
  const F = (architecture.moe_intermediate_size ?? architecture.intermediate_size) *
    (architecture.num_experts_per_tok ?? 1);
  const block = blockActivations(architecture, targets, r);
  const kept = checkpointing
    ? (layers + 3) * C + block + 3 * F
    : layers * block + 5 * C + 3 * F + 2 * (H + K) * D;
  const logits = Math.min(tokens, LOSS_CHUNK_TOKENS) * Math.min(V, LOSS_TILE_COLUMNS);
  return F32_BYTES * (tokens * kept + logits);
}

/** Memory of a LoRA run: frozen weights, and for each adapter parameter its value, gradient and two moments. */
export function loraMemory(
  architecture: Architecture,
  targets: Targets,
  r: number,
  options: MemoryOptions,
): MemoryBytes {
  const trained = loraParameters(architecture, targets, r);
  return withTotal({
    weights: weightBytes(architecture, options.dtype),
    adapter: trained * F32_BYTES,
    gradients: trained * F32_BYTES,
    optimizer: 2 * trained * F32_BYTES,
    activations: activationBytes(architecture, targets, r, options),
  });
}

/** Memory of full fine-tuning: every parameter is trained, so in f32 whatever the dtype. */
export function fullMemory(architecture: Architecture, options: MemoryOptions): MemoryBytes {
  const trained = baseParameters(architecture);
  return withTotal({
    weights: trained * F32_BYTES,
    adapter: 0,
    gradients: trained * F32_BYTES,
    optimizer: 2 * trained * F32_BYTES,
    // Nothing is quantised.
    activations: activationBytes(architecture, "all", 0, options),
  });
}

function withTotal(parts: Omit<MemoryBytes, "total">): MemoryBytes {
  const { weights, adapter, gradients, optimizer, activations } = parts;
  return { ...parts, total: weights + adapter + gradients + optimizer + activations };
}
