// What a figure is: options → specs → results → rows → picture. Every step is a pure function, so the
// command line, the API and the tests draw the same thing from the same results.

import type { MetricPoint, Run } from "../runs/spec/run.ts";
import type { RunSpec } from "../runs/spec/run_spec.ts";

/** Sizes that a figure comes in. */
export const PRESETS = ["smoke", "laptop", "paper"] as const;
/** One of {@linkcode PRESETS}. */
export type Preset = typeof PRESETS[number];

/** What a reader may ask for; absent values come from the preset. */
export interface FigureOptions {
  readonly preset: Preset;
  /** LoRA ranks. */
  readonly ranks?: readonly number[] | undefined;
  /** LoRA learning rates; full fine-tuning keeps its own. */
  readonly lrs?: readonly number[] | undefined;
  readonly steps?: number | undefined;
  readonly seed?: number | undefined;
  readonly backend?: RunSpec["backend"] | undefined;
}

/** A finished run. */
export interface RunOutcome {
  readonly run: Run;
  readonly points: readonly MetricPoint[];
}

/** A line of a figure's data. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

/** A Vega-Lite specification. */
export type PlotSpec = Readonly<Record<string, unknown>>;

/** A figure. */
export interface Figure {
  readonly number: number;
  readonly title: string;
  /** The runs that the figure is made of. */
  grid(options: FigureOptions): RunSpec[];
  /** One row a measured point: the long table that the plot and the csv are made of. */
  rows(outcomes: readonly RunOutcome[]): Row[];
  plot(rows: readonly Row[]): PlotSpec;
}
