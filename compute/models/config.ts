// A model's shape, read from Hugging Face's config.json.

import type { Llama3RopeScaling } from "../ops/rope.ts";

/** Architectures that can be built. */
export const ARCHITECTURES = [
  "LlamaForCausalLM",
  "Qwen3ForCausalLM",
  "Qwen3MoeForCausalLM",
] as const;

/** One of {@linkcode ARCHITECTURES}. */
export type Architecture = typeof ARCHITECTURES[number];

/** A decoder's dimensions; names are config.json's. */
export interface ModelConfig {
  readonly architecture: Architecture;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly rope_scaling?: Llama3RopeScaling;
  readonly tie_word_embeddings: boolean;
  /** Qwen3 normalises queries and keys over the head size. */
  readonly qk_norm: boolean;
  /** The mixture of experts; absent in a dense model. */
  readonly experts?: ExpertsConfig;
}

/** A mixture of experts (Qwen3-MoE); names are config.json's. */
export interface ExpertsConfig {
  readonly num_experts: number;
  readonly num_experts_per_tok: number;
  readonly moe_intermediate_size: number;
  /** Whether the weights of a token's experts are divided by their sum. */
  readonly norm_topk_prob: boolean;
  /** Layers with experts, ascending; the others have one feed-forward network of `intermediate_size`. */
  readonly layers: readonly number[];
}

type Json = Record<string, unknown>;

function positiveInteger(json: Json, key: string, fallback?: number): number {
  const value = json[key] ?? fallback;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(
      `Cannot read config.json: "${key}" is ${JSON.stringify(value)}, expected an integer ≥ 1`,
    );
  }
  return value;
}

function positiveNumber(json: Json, key: string, fallback: number): number {
  const value = json[key] ?? fallback;
  if (typeof value !== "number" || !Number.isFinite(value) || value <= 0) {
    throw new RangeError(
      `Cannot read config.json: "${key}" is ${JSON.stringify(value)}, expected a number > 0`,
    );
  }
  return value;
}

/** The first of the two spellings that is there. */
function ropeObject(json: Json): Json {
  for (const key of ["rope_parameters", "rope_scaling"]) {
    const value = json[key];
    if (value === undefined || value === null) continue;
    if (typeof value !== "object" || Array.isArray(value)) {
      throw new RangeError(
        `Cannot read config.json: "${key}" is ${JSON.stringify(value)}, expected an object`,
      );
    }
    return value as Json;
  }
  return {};
}

/** `rope_parameters` (new) or `rope_theta` with `rope_scaling` (old). */
function ropeOf(json: Json): { theta: number; scaling?: Llama3RopeScaling } {
  const rope = ropeObject(json);
  const theta = positiveNumber(
    { rope_theta: rope.rope_theta ?? json.rope_theta },
    "rope_theta",
    10_000,
  );
  const type = rope.rope_type ?? rope.type ?? "default";
  if (type === "default") return { theta };
  if (type !== "llama3") {
    throw new RangeError(
      `Cannot read config.json: rope_type is "${type}", expected "default" or "llama3"`,
    );
  }
  return {
    theta,
    scaling: {
      rope_type: "llama3",
      factor: positiveNumber(rope, "factor", 8),
      low_freq_factor: positiveNumber(rope, "low_freq_factor", 1),
      high_freq_factor: positiveNumber(rope, "high_freq_factor", 4),
      original_max_position_embeddings: positiveInteger(
        rope,
        "original_max_position_embeddings",
        8192,
      ),
    },
  };
}

function flag(json: Json, key: string, fallback: boolean): boolean {
  const value = json[key] ?? fallback;
  if (typeof value !== "boolean") {
    throw new RangeError(
      `Cannot read config.json: "${key}" is ${JSON.stringify(value)}, expected true or false`,
    );
  }
  return value;
}

/** Qwen3-MoE's fields; new files say num_local_experts, old ones num_experts. */
function expertsOf(json: Json, numLayers: number): ExpertsConfig {
  const key = json.num_experts === undefined ? "num_local_experts" : "num_experts";
  const experts = positiveInteger(json, key);
  const perToken = positiveInteger(json, "num_experts_per_tok", 8);
  if (perToken > experts) {
    throw new RangeError(
      `Cannot read config.json: "num_experts_per_tok" is ${perToken}, expected at most ${experts}, ` +
        "the number of experts",
    );
  }
  const step = positiveInteger(json, "decoder_sparse_step", 1);
  const dense = json.mlp_only_layers ?? [];
  if (!Array.isArray(dense) || !dense.every((layer) => Number.isSafeInteger(layer))) {
    throw new RangeError(
      `Cannot read config.json: "mlp_only_layers" is ${JSON.stringify(dense)}, ` +
        "expected an array of layer indices",
    );
  }
  return {
    num_experts: experts,
    num_experts_per_tok: perToken,
    moe_intermediate_size: positiveInteger(json, "moe_intermediate_size"),
    norm_topk_prob: flag(json, "norm_topk_prob", false),
    layers: Array.from({ length: numLayers }, (_, layer) => layer)
      .filter((layer) => !dense.includes(layer) && (layer + 1) % step === 0),
  };
}

/**
 * Reads config.json.
 *
 * @throws {RangeError} if a field is missing, out of range or describes what cannot be built.
 */
export function parseModelConfig(config: unknown): ModelConfig {
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new RangeError("Cannot read config.json: expected a JSON object");
  }
  const json = config as Json;
  const architecture = (json.architectures as unknown[] | undefined)?.[0];
  if (!ARCHITECTURES.includes(architecture as Architecture)) {
    throw new RangeError(
      `Cannot read config.json: architecture is ${JSON.stringify(architecture)}, expected one of ` +
        ARCHITECTURES.map((name) => `"${name}"`).join(", "),
    );
  }
  for (const bias of ["attention_bias", "mlp_bias"]) {
    if (json[bias]) throw new RangeError(`Cannot read config.json: "${bias}" must be false`);
  }
  const activation = json.hidden_act ?? "silu";
  if (activation !== "silu") {
    throw new RangeError(`Cannot read config.json: hidden_act is "${activation}", expected "silu"`);
  }
  if (json.use_sliding_window) {
    throw new RangeError(`Cannot read config.json: "use_sliding_window" must be false`);
  }
  const hidden = positiveInteger(json, "hidden_size");
  const heads = positiveInteger(json, "num_attention_heads");
  const kvHeads = positiveInteger(json, "num_key_value_heads", heads);
  const headDim = positiveInteger(json, "head_dim", hidden / heads);
  if (heads % kvHeads !== 0) {
    throw new RangeError(
      `Cannot read config.json: num_attention_heads ${heads} is no multiple of num_key_value_heads ${kvHeads}`,
    );
  }
  if (headDim % 2 !== 0 || headDim > 256) {
    throw new RangeError(
      `Cannot read config.json: head_dim is ${headDim}, expected an even number ≤ 256`,
    );
  }
  const rope = ropeOf(json);
  const layers = positiveInteger(json, "num_hidden_layers");
  return {
    architecture: architecture as Architecture,
    hidden_size: hidden,
    intermediate_size: positiveInteger(json, "intermediate_size"),
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    head_dim: headDim,
    vocab_size: positiveInteger(json, "vocab_size"),
    max_position_embeddings: positiveInteger(json, "max_position_embeddings"),
    rms_norm_eps: positiveNumber(json, "rms_norm_eps", 1e-6),
    rope_theta: rope.theta,
    rope_scaling: rope.scaling,
    tie_word_embeddings: json.tie_word_embeddings === true,
    qk_norm: architecture !== "LlamaForCausalLM",
    ...(architecture === "Qwen3MoeForCausalLM" && { experts: expertsOf(json, layers) }),
  };
}

/** The matrices of a block that LoRA can adapt, in order. */
export const ATTENTION_MODULES = ["q_proj", "k_proj", "v_proj", "o_proj"] as const;
/** See {@linkcode ATTENTION_MODULES}. In a mixture each expert has these three. */
export const MLP_MODULES = ["gate_proj", "up_proj", "down_proj"] as const;
/** A mixture's router, under the name that its weight has. */
export const ROUTER_MODULE = "gate";

/** Every weight of the model with its shape, in Hugging Face's names and order. */
export function weightShapes(config: ModelConfig): Map<string, readonly number[]> {
  const { hidden_size: c, intermediate_size: f, vocab_size: v, head_dim: d } = config;
  const q = config.num_attention_heads * d;
  const kv = config.num_key_value_heads * d;
  const shapes = new Map<string, readonly number[]>([["model.embed_tokens.weight", [v, c]]]);
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const layer = `model.layers.${i}`;
    shapes.set(`${layer}.input_layernorm.weight`, [c]);
    shapes.set(`${layer}.self_attn.q_proj.weight`, [q, c]);
    shapes.set(`${layer}.self_attn.k_proj.weight`, [kv, c]);
    shapes.set(`${layer}.self_attn.v_proj.weight`, [kv, c]);
    shapes.set(`${layer}.self_attn.o_proj.weight`, [c, q]);
    if (config.qk_norm) {
      shapes.set(`${layer}.self_attn.q_norm.weight`, [d]);
      shapes.set(`${layer}.self_attn.k_norm.weight`, [d]);
    }
    shapes.set(`${layer}.post_attention_layernorm.weight`, [c]);
    const feedForward = (mlp: string, width: number) => {
      shapes.set(`${mlp}.gate_proj.weight`, [width, c]);
      shapes.set(`${mlp}.up_proj.weight`, [width, c]);
      shapes.set(`${mlp}.down_proj.weight`, [c, width]);
    };
    const { experts } = config;
    if (!experts?.layers.includes(i)) {
      feedForward(`${layer}.mlp`, f);
      continue;
    }
    shapes.set(`${layer}.mlp.${ROUTER_MODULE}.weight`, [experts.num_experts, c]);
    for (let e = 0; e < experts.num_experts; e++) {
      feedForward(`${layer}.mlp.experts.${e}`, experts.moe_intermediate_size);
    }
  }
  shapes.set("model.norm.weight", [c]);
  if (!config.tie_word_embeddings) shapes.set("lm_head.weight", [v, c]);
  return shapes;
}

/**
 * The stack that a parameter of an expert lies in: its name without the expert's number; undefined for
 * every other parameter. Matrices of all experts of a layer lie next to each other on the device.
 */
export function expertStack(name: string): string | undefined {
  const stack = name.replace(/\.experts\.\d+\./, ".experts.");
  return stack === name ? undefined : stack;
}
