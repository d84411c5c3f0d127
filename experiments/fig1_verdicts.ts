// What figure 1 says: LoRA with enough capacity is full fine-tuning, and a rank leaves its curve when its
// capacity is full.

import { coursesOf, LAG, type RankCourse } from "./fig1_falloff.ts";
import type { Fig1Row } from "./fig1_rows.ts";
import { groupBy } from "./final_rows.ts";
import { type Estimate, estimate, estimateRatio } from "./statistics/interval.ts";
import { judge, type Verdict } from "./verdict.ts";

/** The claims that figure 1 can test, panel by panel. */
export function fig1Verdicts(rows: readonly Fig1Row[]): Verdict[] {
  const panels = groupBy(coursesOf(rows), ({ panel }) => panel);
  return [...panels.values()].flatMap((courses) => {
    const matrices = courses.filter(({ pair }) => pair === "matrices");
    const compared = matrices.length > 0 ? matrices : courses;
    const whole = matrices.length > 0 ? courses.filter(({ pair }) => pair === "model") : [];
    const panel = panels.size > 1 ? courses[0]!.panel : "";
    return [
      parity("fig1.parity", panel, compared, "the matrices that LoRA adapts"),
      ...(whole.length > 0 ? [parity("fig1.parity_model", panel, whole, "the whole model")] : []),
      early(panel, compared),
      order(panel, compared),
      capacity(panel, compared),
    ];
  });
}

const fits = ({ capacityStep, lastStep }: RankCourse) => capacityStep >= lastStep;

const on = (panel: string, text: string) => panel === "" ? text : `${text} (${panel})`;

/** One number a seed. */
function perSeed(
  courses: readonly RankCourse[],
  value: (own: readonly RankCourse[]) => number,
  combine: (values: readonly number[]) => Estimate = estimate,
): Estimate | undefined {
  const seeds = [...groupBy(courses, ({ seed }) => seed).values()];
  return seeds.length === 0 ? undefined : combine(seeds.map(value));
}

const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;

function parity(id: string, panel: string, courses: readonly RankCourse[], what: string): Verdict {
  const enough = courses.filter(fits);
  const ranks = [...new Set(enough.map(({ r }) => r))];
  return judge({
    id,
    claim: on(panel, "LoRA whose capacity holds the data ends where full fine-tuning ends"),
    quantity: `share of full fine-tuning's gain that is missing at the end, trained: ${what}`,
    expected: [null, 0.05],
    detail: (ranks.length > 0 ? `Ranks ${ranks.join(", ")}.` : "No rank holds the data.") +
      ` Missing of the gain: ${missing(courses)}.`,
  }, perSeed(enough, (own) => mean(own.map(({ finalLag }) => finalLag))));
}

/** "r=1: 31.6 %; r=4: 13.9 %" */
function missing(courses: readonly RankCourse[]): string {
  return [...groupBy(courses, ({ r }) => r)].sort(([a], [b]) => a - b)
    .map(([r, own]) => `r=${r}: ${(100 * mean(own.map(({ finalLag }) => finalLag))).toFixed(1)} %`)
    .join("; ");
}

function early(panel: string, courses: readonly RankCourse[]): Verdict {
  const spread = (own: readonly RankCourse[]) => {
    const gains = own.map(({ firstGain }) => firstGain);
    return (Math.max(...gains) - Math.min(...gains)) / Math.max(...gains);
  };
  return judge({
    id: "fig1.early",
    claim: on(panel, "At the start of training the curves of all ranks are the same"),
    quantity: "spread of the gain at the first measured step over ranks, over the largest gain",
    expected: [null, 0.1],
    detail: courses.length > 0 ? `Measured at step ${courses[0]!.firstStep}.` : "",
  }, perSeed(courses, spread));
}

/** Step at which a curve leaves; one that has not left by the end leaves later still. */
const leaves = ({ departure, lastStep }: RankCourse) => departure?.step ?? lastStep;

/** How many times later the next rank leaves: geometric mean over neighbours of which one leaves. */
function laterBy(own: readonly RankCourse[]): number {
  const rising = [...own].sort((a, b) => a.r - b.r);
  const logs = rising.slice(1).flatMap((high, i) => {
    const low = rising[i]!;
    return low.departure || high.departure ? [Math.log(leaves(high) / leaves(low))] : [];
  });
  return Math.exp(mean(logs));
}

function order(panel: string, courses: readonly RankCourse[]): Verdict {
  const factors = [...groupBy(courses, ({ seed }) => seed).values()].map(laterBy)
    .filter(Number.isFinite);
  return judge({
    id: "fig1.order",
    claim: on(panel, "Low ranks leave full fine-tuning's curve before high ones"),
    quantity: "how many times later the next higher rank leaves, geometric mean over ranks",
    expected: [1, null],
    detail: courses.length > 0 ? departures(courses) : "",
  }, factors.length === 0 ? undefined : estimateRatio(factors));
}

function capacity(panel: string, courses: readonly RankCourse[]): Verdict {
  const full = courses.filter((course) => !fits(course));
  const ratio = (own: readonly RankCourse[]) =>
    Math.exp(mean(own.map((course) => Math.log(leaves(course) / course.capacityStep))));
  return judge({
    id: "fig1.capacity",
    claim: on(
      panel,
      "A rank leaves when the tokens seen hold as many bits (1 each) as its parameters (2 each)",
    ),
    quantity: "step at which the curve leaves over step predicted, geometric mean over ranks",
    expected: [0.5, 2],
    detail: full.length > 0 ? departures(full) : "Every rank holds the data.",
  }, perSeed(full, ratio, estimateRatio));
}

/** "r=4 at 24 (capacity says 152)" for each rank. */
function departures(courses: readonly RankCourse[]): string {
  const ranks = [...groupBy(courses, ({ r }) => r)].sort(([a], [b]) => a - b);
  const texts = ranks.map(([r, own]) => {
    const left = own.flatMap(({ departure }) => departure ?? []);
    const predicted = `capacity says ${Math.round(own[0]!.capacityStep)}`;
    if (left.length === 0) return `r=${r} does not leave (${predicted})`;
    const step = Math.round(estimateRatio(left.map(({ step }) => step)).mean);
    const bound = left.some(({ atMost }) => atMost) ? "at or before step" : "at step";
    const some = left.length < own.length ? `, in ${left.length} of ${own.length} seeds` : "";
    return `r=${r} ${bound} ${step}${some} (${predicted})`;
  });
  return `Left where more than ${100 * LAG} % of the gain is missing: ${texts.join("; ")}.`;
}
