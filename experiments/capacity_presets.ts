// The three sizes of the measured capacity. docs/figures.md says how the numbers were found.

import type { Preset } from "./figure.ts";

/** A plan for measuring how many bits a LoRA holds. */
export interface CapacityPreset {
  readonly model: string;
  readonly ranks: readonly number[];
  /** Matrices with an adapter: as few as make a run short, or all. */
  readonly targets: "all" | readonly ["down_proj"];
  /** Bits in the random rows, over what 2 bits a parameter would hold. */
  readonly loads: readonly number[];
  /** Updates of each load's run. */
  readonly steps: number;
  /** The load that is trained for other lengths as well, to see what more updates add. */
  readonly longLoad: number;
  /** These lengths, as multiples of `steps`. */
  readonly lengths: readonly number[];
  readonly rates: readonly number[];
  /** Tokens of a row, its key included. */
  readonly length: number;
  /** Rows of an update for each unit of rank: larger adapters are shown more. */
  readonly batch: number;
  /** Each seed draws other rows and another adapter. */
  readonly seeds: number;
}

/** Each preset. */
export const CAPACITY_PRESETS: Readonly<Record<Preset, CapacityPreset>> = {
  smoke: {
    model: "noregret/tiny",
    ranks: [1],
    targets: ["down_proj"],
    loads: [1, 2],
    steps: 8,
    longLoad: 1,
    lengths: [0.5, 2],
    rates: [8e-3],
    length: 16,
    batch: 4,
    seeds: 1,
  },
  laptop: {
    model: "noregret/tiny",
    ranks: [1, 2],
    targets: ["down_proj"],
    loads: [2, 4, 8],
    steps: 2000,
    longLoad: 4,
    lengths: [0.25, 0.5, 2],
    rates: [8e-3],
    length: 32,
    batch: 8,
    seeds: 4,
  },
  // Days on a laptop: adapters on every matrix hold more the longer they are trained.
  paper: {
    model: "noregret/tiny",
    ranks: [1, 2, 4],
    targets: "all",
    loads: [1, 2, 4, 8],
    steps: 8000,
    longLoad: 4,
    lengths: [0.25, 0.5, 2],
    rates: [1e-3, 2e-3, 4e-3],
    length: 32,
    batch: 32,
    seeds: 3,
  },
};
