// Floating-point operations of training, 2 for a multiply-add. Norms, activations and the optimiser
// are left out: they grow with N where products grow with N².

import { type Architecture, linearShapes, type Targets, targetShapes } from "./architecture.ts";
import { expertRank } from "./parameters.ts";

const PER_MULTIPLY_ADD = 2;

/** Multiply-adds of one matrix and one token in a training step. */
export interface MatrixCost {
  /** Forward only: in · out. */
  readonly forward: number;
  /** Full fine-tuning: forward, dX and dW, 3 · in · out. */
  readonly full: number;
  /** LoRA: forward and dX through the frozen matrix, and three products each with A and B. */
  readonly lora: number;
}

/**
 * Multiply-adds of one matrix: full fine-tuning 3N², LoRA 2N² + 6NR for N × N and rank R, since no dW
 * is formed for a frozen W (Schulman et al. 2025, "LoRA Without Regret", section on compute). The
 * method guide's line "forward on A, B: 2 × 3NR" counts their backward products too; the forward alone
 * is 2NR.
 */
export function matrixCost(inputs: number, outputs: number, r: number): MatrixCost {
  const forward = inputs * outputs;
  return { forward, full: 3 * forward, lora: 2 * forward + 3 * r * (inputs + outputs) };
}

/** FLOPs of one token. */
export interface TokenFlops {
  readonly forward: number;
  readonly full: number;
  readonly lora: number;
  /** lora / full. */
  readonly ratio: number;
}

/**
 * FLOPs of attention itself for one token: scores and the weighted sum over on average (T + 1) / 2 keys
 * in each of H heads of D values, 2 products (Dao 2022, "FlashAttention", section 2; causal half).
 */
export function attentionFlops(architecture: Architecture, sequenceLength: number): number {
  const { num_hidden_layers, num_attention_heads, head_dim } = architecture;
  const keys = (sequenceLength + 1) / 2;
  return PER_MULTIPLY_ADD * 2 * num_hidden_layers * num_attention_heads * head_dim * keys;
}

/**
 * FLOPs per token of a whole model: its linear layers by {@linkcode matrixCost}, those without an
 * adapter at 2 · in · out under LoRA (forward and dX), and attention, whose backward costs twice its
 * forward whatever is trained.
 */
export function flopsPerToken(
  architecture: Architecture,
  targets: Targets,
  r: number,
  sequenceLength: number,
): TokenFlops {
  const adapted = new Set(targetShapes(architecture, targets).map(({ module }) => module));
  let forward = 0, full = 0, lora = 0;
  for (const { module, inputs, outputs, active, expert } of linearShapes(architecture)) {
    const rank = expert ? expertRank(architecture, r) : r;
    const cost = matrixCost(inputs, outputs, adapted.has(module) ? rank : 0);
    forward += PER_MULTIPLY_ADD * active * cost.forward;
    full += PER_MULTIPLY_ADD * active * cost.full;
    lora += PER_MULTIPLY_ADD * active * cost.lora;
  }
  const attention = attentionFlops(architecture, sequenceLength);
  full += 3 * attention;
  lora += 3 * attention;
  return { forward: forward + attention, full, lora, ratio: lora / full };
}
