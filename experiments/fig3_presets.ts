// The three sizes of figure 3. docs/figures.md says how the numbers were found.

import { doublings } from "./fig2_presets.ts";
import type { Preset } from "./figure.ts";
import type { Setting } from "./setting.ts";

/** A plan for figure 3; its `steps` are those of the smallest batch. */
export interface Fig3Preset extends Setting {
  readonly dataset: string;
  /** Sequences of one update; every batch size sees the same number of sequences. */
  readonly batchSizes: readonly number[];
  readonly ranks: readonly number[];
  /** Learning rates at the smallest batch. */
  readonly loraRates: readonly number[];
  readonly fullRates: readonly number[];
  /** Rates grow with this power of the batch: 0.5 is the square root. */
  readonly rateExponent: number;
  readonly full: "matrices" | "model";
}

/** Each preset of figure 3. */
export const FIG3_PRESETS: Readonly<Record<Preset, Fig3Preset>> = {
  smoke: {
    model: "noregret/tiny",
    dataset: "stdlib/moby-dick",
    batchSizes: [1, 4],
    ranks: [16],
    loraRates: [2e-3],
    fullRates: [5e-4],
    rateExponent: 0,
    full: "matrices",
    steps: 8,
    evalSteps: [8],
    evalLimit: 16,
    seeds: 1,
    base: { logging_steps: 4, save_steps: 1_000_000 },
    maxLength: 64,
  },
  laptop: {
    model: "noregret/tiny",
    dataset: "stdlib/moby-dick",
    batchSizes: [2, 8, 32],
    ranks: [16, 32],
    loraRates: doublings(5e-4, 4),
    fullRates: doublings(1.25e-4, 4),
    rateExponent: 0.5,
    full: "matrices",
    steps: 256,
    evalSteps: [256],
    evalLimit: 96,
    seeds: 12,
    base: { logging_steps: 16, save_steps: 1_000_000 },
    maxLength: 64,
  },
  paper: {
    model: "meta-llama/Llama-3.1-8B",
    dataset: "open-thoughts/OpenThoughts3-1.2M",
    batchSizes: [32, 64, 128, 256],
    ranks: [128, 256],
    loraRates: doublings(1e-4, 5),
    fullRates: doublings(1e-5, 5),
    rateExponent: 0,
    full: "model",
    // 10,000 examples.
    steps: 312,
    evalSteps: [312],
    seeds: 1,
    base: {
      dtype: "bf16",
      gradient_checkpointing: true,
      logging_steps: 10,
      save_steps: 1000,
    },
    maxLength: 2048,
  },
};
