// The three sizes of figure 2. docs/figures.md says how the numbers were found.

import type { Preset } from "./figure.ts";
import type { Setting } from "./setting.ts";

/** A plan for figure 2. */
export interface Fig2Preset extends Setting {
  readonly dataset: string;
  readonly ranks: readonly number[];
  /** Learning rates of LoRA, for every rank. */
  readonly loraRates: readonly number[];
  readonly fullRates: readonly number[];
  /** What full fine-tuning trains: the matrices that LoRA adapts, or everything. */
  readonly full: "matrices" | "model";
}

/** `count` rates from `first` on, each twice the one before. */
export function doublings(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first * 2 ** i);
}

/** Each preset of figure 2. */
export const FIG2_PRESETS: Readonly<Record<Preset, Fig2Preset>> = {
  smoke: {
    model: "noregret/tiny",
    dataset: "stdlib/moby-dick",
    ranks: [4, 16],
    loraRates: doublings(1e-3, 3),
    fullRates: doublings(2.5e-4, 3),
    full: "matrices",
    steps: 8,
    evalSteps: [8],
    evalLimit: 4,
    seeds: 1,
    base: { batch_size: 1, logging_steps: 4, save_steps: 1_000_000 },
    maxLength: 256,
  },
  laptop: {
    model: "noregret/tiny",
    dataset: "stdlib/moby-dick",
    ranks: [1, 4, 16, 32],
    loraRates: doublings(2.5e-4, 6),
    fullRates: doublings(6.25e-5, 6),
    full: "matrices",
    steps: 128,
    evalSteps: [128],
    evalLimit: 24,
    seeds: 12,
    base: { batch_size: 1, logging_steps: 16, save_steps: 1_000_000 },
    maxLength: 256,
  },
  paper: {
    model: "meta-llama/Llama-3.1-8B",
    dataset: "allenai/tulu-3-sft-mixture",
    ranks: [1, 4, 16, 64, 128, 256, 512],
    loraRates: doublings(2e-5, 8),
    fullRates: doublings(2e-6, 8),
    full: "model",
    steps: 10_000,
    evalSteps: [10_000],
    seeds: 1,
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
