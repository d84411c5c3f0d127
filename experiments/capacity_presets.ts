// The three sizes of the measured capacity. docs/figures.md says how the numbers were found.

import type { Preset } from "./figure.ts";

/** A plan for measuring how many bits a LoRA holds. */
export interface CapacityPreset {
  readonly model: string;
  readonly ranks: readonly number[];
  /** Bits in the random rows, over what 2 bits a parameter would hold. */
  readonly loads: readonly number[];
  readonly rates: readonly number[];
  /** Tokens of a row, its key included. */
  readonly length: number;
  /** Updates of one pass over the rows: all loads are seen equally often, in equally many updates. */
  readonly updatesPerPass: number;
  readonly steps: number;
  /** Each seed draws other rows and another adapter. */
  readonly seeds: number;
}

/** Each preset. */
export const CAPACITY_PRESETS: Readonly<Record<Preset, CapacityPreset>> = {
  smoke: {
    model: "noregret/tiny",
    ranks: [1],
    loads: [0.1],
    rates: [2e-3],
    length: 16,
    updatesPerPass: 2,
    steps: 8,
    seeds: 1,
  },
  laptop: {
    model: "noregret/tiny",
    ranks: [1, 2],
    loads: [0.125, 0.25, 0.5, 1, 2],
    rates: [2e-3],
    length: 32,
    updatesPerPass: 5,
    steps: 1500,
    seeds: 1,
  },
  paper: {
    model: "meta-llama/Llama-3.2-1B",
    ranks: [1, 2],
    loads: [0.25, 0.5, 1],
    rates: [5e-4, 1e-3],
    length: 64,
    updatesPerPass: 20,
    steps: 20_000,
    seeds: 3,
  },
};
