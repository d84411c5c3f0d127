// Where the curve of a rank leaves that of full fine-tuning, and where its capacity says that it should.

import { BITS_PER_PARAMETER } from "../compute/theory/capacity.ts";
import type { Fig1Row, Pair } from "./fig1_rows.ts";
import { groupBy } from "./final_rows.ts";

/** A curve has left when it lacks more than this share of what full fine-tuning has gained. */
export const LAG = 0.1;

/** Information in a token, in bits (Schulman et al. 2025, "LoRA Without Regret"). */
const BITS_PER_TOKEN = 1;

/** A curve's point. */
export interface CurvePoint {
  readonly step: number;
  readonly nll: number;
}

/** Where a curve leaves. */
export interface Departure {
  readonly step: number;
  /** True if it lags from the first measured step on, so that it left there or before. */
  readonly atMost: boolean;
}

/** The share of full fine-tuning's gain over `start` that a curve lacks. */
export function lagOf(nll: number, full: number, start: number): number {
  return (nll - full) / (start - full);
}

/**
 * The step from which on `curve` lacks more than {@linkcode LAG} of what `full` has gained at every
 * later step too; between two measured steps it is interpolated in log steps. Both have the same steps.
 *
 * @returns undefined for a curve that does not lag at the end.
 */
export function departure(
  curve: readonly CurvePoint[],
  full: readonly CurvePoint[],
  start: number,
): Departure | undefined {
  const lags = curve.map(({ nll }, i) => lagOf(nll, full[i]!.nll, start));
  const first = lags.findLastIndex((lag) => !(lag > LAG)) + 1;
  if (first === lags.length) return undefined;
  if (first === 0) return { step: curve[0]!.step, atMost: true };
  const before = lags[first - 1]!, after = lags[first]!;
  const at = (LAG - before) / (after - before);
  const from = Math.log(curve[first - 1]!.step), to = Math.log(curve[first]!.step);
  return { step: Math.exp(from + at * (to - from)), atMost: false };
}

/** A rank of one seed: how it compares with full fine-tuning. */
export interface RankCourse {
  readonly panel: string;
  readonly pair: Pair;
  readonly r: number;
  readonly seed: number;
  readonly departure: Departure | undefined;
  /** Step at which the tokens seen hold as many bits as the adapter. */
  readonly capacityStep: number;
  readonly firstStep: number;
  readonly lastStep: number;
  /** What it lacks of full fine-tuning's gain at the end. */
  readonly finalLag: number;
  /** Share of `start` gained at the first measured step. */
  readonly firstGain: number;
  readonly end: CurvePoint;
}

/** The course of every LoRA curve that has a full fine-tuning beside it. */
export function coursesOf(rows: readonly Fig1Row[]): RankCourse[] {
  const start = new Map(rows.filter(({ step }) => step === 0).map((row) => [row.panel, row.nll]));
  const best = rows.filter(({ best, step }) => best && step > 0);
  const series = groupBy(
    best,
    ({ panel, pair, seed, r }) => JSON.stringify([panel, pair, seed, r]),
  );
  const curveOf = (own: readonly Fig1Row[]) =>
    // Two learning rates may be equally low at a step.
    [...new Map(own.map((row) => [row.step, row])).values()].sort((a, b) => a.step - b.step);
  return [...series.values()].flatMap((own) => {
    const { panel, pair, seed, r } = own[0]!;
    const full = series.get(JSON.stringify([panel, pair, seed, 0]));
    const before = start.get(panel);
    if (r === 0 || !full || before === undefined) return [];
    const reference = new Map(curveOf(full).map((row) => [row.step, row]));
    const curve = curveOf(own).filter(({ step }) => reference.has(step));
    const beside = curve.map(({ step }) => reference.get(step)!);
    const end = curve.at(-1), parameters = own[0]!.trainable_parameters;
    if (!end || parameters === null || end.tokens === 0) return [];
    const tokensPerStep = end.tokens / end.step;
    return [{
      panel,
      pair,
      r,
      seed,
      departure: departure(curve, beside, before),
      capacityStep: BITS_PER_PARAMETER * parameters / BITS_PER_TOKEN / tokensPerStep,
      firstStep: curve[0]!.step,
      lastStep: end.step,
      finalLag: lagOf(end.nll, beside.at(-1)!.nll, before),
      firstGain: before - curve[0]!.nll,
      end,
    }];
  });
}
