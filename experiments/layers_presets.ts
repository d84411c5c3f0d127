// The three sizes of figures 4 and 5. docs/figures.md says how the numbers were found.

import { doublings } from "./fig2_presets.ts";
import type { Preset } from "./figure.ts";
import type { Setting } from "./setting.ts";

/** A plan for a figure that compares layers. */
export interface LayersPreset extends Setting {
  readonly dataset: string;
  /** Ranks of the adapters on all layers; the others are as large. */
  readonly ranks: readonly number[];
  readonly rates: readonly number[];
}

const SMALL = {
  dataset: "stdlib/moby-dick",
  base: { batch_size: 1, logging_steps: 16, save_steps: 1_000_000 },
  maxLength: 256,
} as const;

const LARGE = {
  dataset: "allenai/tulu-3-sft-mixture",
  ranks: [128],
  rates: doublings(5e-5, 6),
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
} as const;

/** Each preset of figure 4. */
export const FIG4_PRESETS: Readonly<Record<Preset, LayersPreset>> = {
  smoke: {
    ...SMALL,
    model: "noregret/tiny",
    ranks: [4],
    rates: [2e-3],
    steps: 8,
    evalSteps: [8],
    evalLimit: 4,
    seeds: 1,
  },
  laptop: {
    ...SMALL,
    model: "noregret/tiny",
    ranks: [12],
    rates: doublings(5e-4, 5),
    steps: 128,
    evalSteps: [128],
    evalLimit: 24,
    seeds: 16,
  },
  paper: { ...LARGE, model: "meta-llama/Llama-3.1-8B" },
};

/** Each preset of figure 5. */
export const FIG5_PRESETS: Readonly<Record<Preset, LayersPreset>> = {
  smoke: { ...FIG4_PRESETS.smoke, model: "noregret/tiny-moe" },
  laptop: {
    ...FIG4_PRESETS.laptop,
    model: "noregret/tiny-moe",
    seeds: 12,
    steps: 96,
    evalSteps: [96],
  },
  // Attention needs nine times the rank to be as large as the experts.
  paper: { ...LARGE, model: "Qwen/Qwen3-30B-A3B-Base", ranks: [32] },
};
