// What measured numbers say of a claim. One rule for all: a claim is a range in which a number should
// lie, and the verdict follows from where the number's 95 % interval lies.

import type { Estimate } from "./statistics/interval.ts";

/** What became of a claim. */
export type Outcome = "reproduced" | "not reproduced" | "inconclusive";

/** Bounds of a claimed range; null where it is open. */
export type Range = readonly [low: number | null, high: number | null];

/** A claim of the paper beside what was measured. */
export interface Verdict {
  /** `fig2.ratio`: the figure and what it is about. */
  readonly id: string;
  /** What the paper says. */
  readonly claim: string;
  /** What the number is, with its unit. */
  readonly quantity: string;
  readonly verdict: Outcome;
  readonly measured: number | null;
  readonly interval: readonly [low: number, high: number] | null;
  /** Where the number lies if the claim holds. */
  readonly expected: Range;
  /** What else a reader should know: counts, single values, or why nothing can be said. */
  readonly detail: string;
}

/** The range as words. */
export function rangeText([low, high]: Range): string {
  const text = (value: number) => String(Number(value.toPrecision(3)));
  if (low === null) return high === null ? "anything" : `at most ${text(high)}`;
  return high === null ? `at least ${text(low)}` : `${text(low)} to ${text(high)}`;
}

/**
 * Reproduced: the interval lies inside the range. Not reproduced: it lies outside. Inconclusive: it
 * crosses a bound, or there is none.
 */
export function outcomeOf(
  interval: readonly [number, number] | null,
  [low, high]: Range,
): Outcome {
  if (interval === null || interval.some((bound) => !Number.isFinite(bound))) return "inconclusive";
  const least = low ?? -Infinity, most = high ?? Infinity;
  if (interval[0] >= least && interval[1] <= most) return "reproduced";
  return interval[1] < least || interval[0] > most ? "not reproduced" : "inconclusive";
}

/** The verdict on a claim; no estimate means that the number could not be measured, and `detail` why. */
export function judge(
  claim: Pick<Verdict, "id" | "claim" | "quantity" | "expected" | "detail">,
  measured: Estimate | undefined,
): Verdict {
  const interval = measured?.interval ?? null;
  const single = measured?.count === 1
    ? "One seed says nothing of the spread; --seeds 3 does. "
    : "";
  return {
    ...claim,
    verdict: outcomeOf(interval, claim.expected),
    measured: measured?.mean ?? null,
    interval,
    detail: single + claim.detail,
  };
}
