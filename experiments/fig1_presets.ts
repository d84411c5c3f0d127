// The three sizes of figure 1. Each is a plan: what is trained on what, for how long, and where the
// learning rates lie. docs/figures.md says how the numbers were found.

import type { Preset } from "./figure.ts";
import type { Setting } from "./setting.ts";

/** A plan for figure 1. */
export interface Fig1Preset extends Setting {
  /** One panel each. */
  readonly datasets: readonly string[];
  readonly ranks: readonly number[];
  /** Learning rates of LoRA, for every rank. */
  readonly loraRates: readonly number[];
  /** Learning rates of LoRA with other modules trained in full beside it. */
  readonly savedRates: readonly number[];
  readonly fullRates: readonly number[];
  /** Whether to show, beside the matrices that LoRA adapts, the whole model. */
  readonly wholeModel: boolean;
}

/** Steps at which curves are measured, about evenly spaced on a logarithmic axis. */
export function evaluationSteps(steps: number, count: number): number[] {
  const first = Math.max(1, steps / 2 ** (count / 2));
  const ratio = (steps / first) ** (1 / Math.max(1, count - 1));
  const all = Array.from({ length: count }, (_, i) => Math.round(first * ratio ** i));
  return [...new Set([...all, steps])].filter((step) => step <= steps).sort((a, b) => a - b);
}

/** Each preset of figure 1. */
export const FIG1_PRESETS: Readonly<Record<Preset, Fig1Preset>> = {
  smoke: {
    model: "noregret/tiny",
    datasets: ["stdlib/moby-dick"],
    ranks: [1, 16],
    loraRates: [2e-3],
    savedRates: [1e-3],
    fullRates: [5e-4],
    steps: 16,
    evalSteps: evaluationSteps(16, 4),
    wholeModel: true,
    evalLimit: 8,
    seeds: 1,
    base: { batch_size: 1, logging_steps: 4, save_steps: 1_000_000 },
    maxLength: 256,
  },
  laptop: {
    model: "noregret/tiny",
    datasets: ["stdlib/moby-dick"],
    ranks: [1, 4, 16, 32],
    loraRates: [5e-4, 1e-3, 2e-3, 4e-3],
    savedRates: [5e-4, 1e-3, 2e-3, 4e-3],
    fullRates: [1.25e-4, 2.5e-4, 5e-4, 1e-3],
    steps: 256,
    evalSteps: evaluationSteps(256, 9),
    wholeModel: true,
    evalLimit: 24,
    seeds: 1,
    base: { batch_size: 1, logging_steps: 16, save_steps: 1_000_000 },
    maxLength: 256,
  },
  paper: {
    model: "meta-llama/Llama-3.1-8B",
    datasets: ["allenai/tulu-3-sft-mixture", "open-thoughts/OpenThoughts3-1.2M"],
    ranks: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
    loraRates: [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3],
    savedRates: [],
    fullRates: [1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4],
    steps: 10_000,
    evalSteps: 100,
    seeds: 1,
    wholeModel: false,
    base: {
      batch_size: 32,
      gradient_accumulation_steps: 32,
      dtype: "bf16",
      gradient_checkpointing: true,
      logging_steps: 10,
      save_steps: 1000,
    },
    maxLength: 2048,
  },
};
