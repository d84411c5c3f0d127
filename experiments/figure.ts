// What a figure is: options → specs → results → rows → picture. Every step is a pure function, so the
// command line, the API and the tests draw the same thing from the same results.

import type { MetricPoint, Run } from "../runs/spec/run.ts";
import type { RunSpec } from "../runs/spec/run_spec.ts";
import type { Verdict } from "./verdict.ts";

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
  /** The first seed. */
  readonly seed?: number | undefined;
  /** How many seeds, counted from the first. */
  readonly seeds?: number | undefined;
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

/** Where a spec stands in its figure: the panel, and the curve that it is a point of. */
export interface Curve {
  readonly panel: string;
  readonly name: string;
}

/** A figure. */
export interface Figure {
  /** As in `/v1/figures/{key}` and `deno task fig{key}`: the paper's number, or a name. */
  readonly key: string;
  readonly title: string;
  /** Seeds of each point in the report of all figures, where one figure alone has fewer. */
  readonly reportSeeds?: Partial<Record<Preset, number>>;
  /** The runs that the figure is made of. */
  grid(options: FigureOptions): RunSpec[];
  /** The curve that a run belongs to. */
  curve(spec: RunSpec): Curve;
  /** The long table that the plot, the verdicts and the csv are made of. */
  rows(outcomes: readonly RunOutcome[]): Row[];
  plot(rows: readonly Row[]): PlotSpec;
  /** What the rows say of the paper's claims. */
  verdicts(rows: readonly Row[]): Verdict[];
}

/** The stem of a figure's files: `fig1`, `capacity`. */
export function fileStem({ key }: Pick<Figure, "key">): string {
  return /^\d/.test(key) ? `fig${key}` : key;
}
