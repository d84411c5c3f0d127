// What the formulas know of a model: the shapes in its config.json, under Hugging Face's names.

/** The shapes of a decoder of the Llama or Qwen3 family, dense or with a mixture of experts. */
export interface Architecture {
  readonly model_type: "llama" | "qwen3" | "qwen3_moe";
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly vocab_size: number;
  readonly tie_word_embeddings: boolean;
  /** Experts of each layer; absent in a dense model. */
  readonly num_experts?: number;
  /** Experts that one token passes through. */
  readonly num_experts_per_tok?: number;
  /** Intermediate size of one expert. */
  readonly moe_intermediate_size?: number;
}

/** A matrix that LoRA can adapt. */
export type TargetModule =
  | "q_proj"
  | "k_proj"
  | "v_proj"
  | "o_proj"
  | "gate_proj"
  | "up_proj"
  | "down_proj"
  | "lm_head";

/** The matrices of the attention layers. */
export const ATTENTION_MODULES = ["q_proj", "k_proj", "v_proj", "o_proj"] as const;

/** The matrices of the feed-forward layers. */
export const MLP_MODULES = ["gate_proj", "up_proj", "down_proj"] as const;

/** Every module that can be a target; `lm_head` is none of "all", as in PEFT's `all-linear`. */
export const TARGET_MODULES = [...ATTENTION_MODULES, ...MLP_MODULES, "lm_head"] as const;

/** Target modules by one word, or by name. */
export type Targets = "all" | "attention" | "mlp" | readonly TargetModule[];

/** All matrices of one name in a model. */
export interface LinearShape {
  readonly module: TargetModule;
  readonly inputs: number;
  readonly outputs: number;
  /** How many there are in the model. */
  readonly count: number;
  /** How many one token passes through: fewer than `count` for experts. */
  readonly active: number;
  /** True for an expert's matrix. */
  readonly expert: boolean;
}

/** Every linear layer of a model, the output projection (tied or not) last. Routers are left out. */
export function linearShapes(architecture: Architecture): LinearShape[] {
  const { hidden_size: C, num_hidden_layers: layers, head_dim: D } = architecture;
  const queries = architecture.num_attention_heads * D, keys = architecture.num_key_value_heads * D;
  const experts = architecture.num_experts ?? 1;
  const perToken = architecture.num_experts_per_tok ?? 1;
  const expert = architecture.num_experts !== undefined;
  const F = architecture.moe_intermediate_size ?? architecture.intermediate_size;
  const once = { count: layers, active: layers, expert: false };
  const feedForward = { count: layers * experts, active: layers * perToken, expert };
  return [
    { module: "q_proj", inputs: C, outputs: queries, ...once },
    { module: "k_proj", inputs: C, outputs: keys, ...once },
    { module: "v_proj", inputs: C, outputs: keys, ...once },
    { module: "o_proj", inputs: queries, outputs: C, ...once },
    { module: "gate_proj", inputs: C, outputs: F, ...feedForward },
    { module: "up_proj", inputs: C, outputs: F, ...feedForward },
    { module: "down_proj", inputs: F, outputs: C, ...feedForward },
    {
      module: "lm_head",
      inputs: C,
      outputs: architecture.vocab_size,
      count: 1,
      active: 1,
      expert: false,
    },
  ];
}

/** The linear layers that targets name. */
export function targetShapes(architecture: Architecture, targets: Targets): LinearShape[] {
  const names: readonly TargetModule[] = targets === "all"
    ? [...ATTENTION_MODULES, ...MLP_MODULES]
    : targets === "attention"
    ? ATTENTION_MODULES
    : targets === "mlp"
    ? MLP_MODULES
    : targets;
  return linearShapes(architecture).filter(({ module }) => names.includes(module));
}
