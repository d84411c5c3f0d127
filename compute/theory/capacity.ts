// How many bits a set of parameters can learn, and how many a data set has to teach.

import type { Architecture, Targets } from "./architecture.ts";
import { loraParameters, rankUnit } from "./parameters.ts";

/**
 * Bits of knowledge that a trained parameter holds at most (Allen-Zhu & Li 2024, "Physics of Language
 * Models: Part 3.3, Knowledge Capacity Scaling Laws", arXiv:2404.05405, result 1).
 */
export const BITS_PER_PARAMETER = 2;

/** What a run learns from: text, where each token carries bits, or episodes, where each reward does. */
export type Dataset =
  | {
    readonly examples: number;
    readonly tokens_per_example: number;
    readonly bits_per_token: number;
  }
  | {
    readonly episodes: number;
    readonly samples_per_episode: number;
    readonly bits_per_sample: number;
  };

/**
 * Bits in a data set. Text: about 1 bit a token, the loss of a good model on it in bits. Policy
 * gradients: at most the entropy of the advantage, about 1 bit a sample (Schulman et al. 2025,
 * "LoRA Without Regret", sections on capacity and on reinforcement learning).
 */
export function datasetBits(dataset: Dataset): number {
  return "examples" in dataset
    ? dataset.examples * dataset.tokens_per_example * dataset.bits_per_token
    : dataset.episodes * dataset.samples_per_episode * dataset.bits_per_sample;
}

/** Bits that parameters hold: 2 each. */
export function capacityBits(parameters: number): number {
  return BITS_PER_PARAMETER * parameters;
}

/**
 * The smallest rank that a run takes (see rankUnit) whose LoRA holds `bits`. Rounding down, as in the method
 * guide, gives a LoRA that is too small.
 */
export function requiredRank(architecture: Architecture, targets: Targets, bits: number): number {
  const unit = rankUnit(architecture, targets);
  const held = capacityBits(loraParameters(architecture, targets, unit));
  return unit * Math.max(1, Math.ceil(bits / held));
}
