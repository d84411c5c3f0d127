// Where to start looking for a learning rate.

import type { Architecture } from "./architecture.ts";

/** Optimum of full fine-tuning at a hidden size of 2000, in the fit. */
const BASE = 5e-5;

/** Hidden size at which the fit's exponent has no effect. */
const REFERENCE_HIDDEN = 2000;

/** LoRA's optimum over full fine-tuning's in long runs; the fit found 9.8 and uses 10. */
export const LORA_MULTIPLIER = 10;

/** The same in short runs: about 15 below {@linkcode SHORT_RUN_STEPS} steps. */
export const SHORT_LORA_MULTIPLIER = 15;

/** Below this many steps a run is short. */
export const SHORT_RUN_STEPS = 100;

/** Exponent of the hidden size by family. */
const HIDDEN_EXPONENT: Readonly<Record<Architecture["model_type"], number>> = {
  llama: 0.781,
  qwen3: 0.0775,
  qwen3_moe: 0.0775,
};

/**
 * The learning rate of full fine-tuning: 5e-5 · (2000 / hidden)^p with p = 0.781 for Llama and 0.0775 for
 * Qwen (Schulman et al. 2025, "LoRA Without Regret", fit over 14 models, section on hyperparameters).
 */
export function fullLearningRate(architecture: Architecture): number {
  const exponent = HIDDEN_EXPONENT[architecture.model_type];
  return BASE * (REFERENCE_HIDDEN / architecture.hidden_size) ** exponent;
}

/**
 * The learning rate of LoRA at lora_alpha 32, whatever the rank: 10 times that of full fine-tuning, 15
 * times in short runs, where B is still small (same source).
 */
export function loraLearningRate(architecture: Architecture, steps?: number): number {
  const short = steps !== undefined && steps < SHORT_RUN_STEPS;
  return fullLearningRate(architecture) * (short ? SHORT_LORA_MULTIPLIER : LORA_MULTIPLIER);
}
