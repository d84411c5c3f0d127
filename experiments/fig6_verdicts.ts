// What figure 6 says: with rewards, rank 1 is enough. It reaches full fine-tuning's best accuracy, over a
// wider range of learning rates, and could hold all that the rewards tell.

import type { AccuracyRow } from "./fig6_rows.ts";
import { goodRange, type RatePoint } from "./fig6_range.ts";
import { groupBy } from "./final_rows.ts";
import { rateText } from "./plot/rate_text.ts";
import { estimate, estimateRatio } from "./statistics/interval.ts";
import { judge, type Verdict } from "./verdict.ts";

/** How far below full fine-tuning's best accuracy still counts as reaching it. */
const MARGIN = 0.05;
/** Share of full fine-tuning's best gain that a good learning rate keeps. */
const KEPT = 0.8;

/** One curve of one seed. */
interface SeedCurve {
  readonly seed: number;
  readonly start: number;
  readonly points: readonly RatePoint[];
}

/** A curve of a panel, seed by seed; a run that diverged answers nothing rightly. */
function curveOf(rows: readonly AccuracyRow[], r: number): SeedCurve[] {
  return [...groupBy(rows.filter((row) => row.r === r), ({ seed }) => seed)].map(([seed, own]) => ({
    seed,
    start: own[0]!.start_accuracy ?? 0,
    points: own.map(({ learning_rate: rate, accuracy }) => ({ rate, accuracy: accuracy ?? 0 })),
  }));
}

/** The learning rate that is best in the mean over seeds: the best of one seed is in part a lucky draw. */
function bestPoint(curves: readonly SeedCurve[]): RatePoint {
  const byRate = groupBy(curves.flatMap(({ points }) => points), ({ rate }) => rate);
  return [...byRate].map(([rate, own]) => ({ rate, accuracy: mean(own.map((p) => p.accuracy)) }))
    .reduce((a, b) => (b.accuracy > a.accuracy ? b : a));
}

const at = ({ points }: SeedCurve, wanted: number) =>
  points.find(({ rate }) => rate === wanted)!.accuracy;

/** What an accuracy must be to count as good: a share of what full fine-tuning gains at its best rate. */
function goodLevel(full: readonly SeedCurve[]): number {
  const start = mean(full.map((curve) => curve.start));
  return start + KEPT * (bestPoint(full).accuracy - start);
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** The claims that figure 6 can test, for each panel. */
export function fig6Verdicts(rows: readonly AccuracyRow[]): Verdict[] {
  const panels = [...new Set(rows.map(({ panel }) => panel))];
  return panels.flatMap((panel) => {
    const own = rows.filter((row) => row.panel === panel);
    const suffix = panels.length > 1 ? `.${panel}` : "";
    return [parity(own, suffix), widths(own, suffix), information(own, suffix)];
  });
}

/** Rank 1 and full fine-tuning of the same seeds. */
function pairs(rows: readonly AccuracyRow[]): { one: SeedCurve; full: SeedCurve }[] {
  const full = new Map(curveOf(rows, 0).map((curve) => [curve.seed, curve]));
  return curveOf(rows, 1).flatMap((one) => {
    const other = full.get(one.seed);
    return other ? [{ one, full: other }] : [];
  });
}

function parity(rows: readonly AccuracyRow[], suffix: string): Verdict {
  const both = pairs(rows);
  const ranks = [...new Set(rows.map(({ r }) => r))].sort((a, b) => a - b);
  const listed = ranks.map((r) => {
    const { rate, accuracy } = bestPoint(curveOf(rows, r));
    return `${r === 0 ? "full" : `r=${r}`}: ${percent(accuracy)} at ${rateText(rate)}`;
  });
  const start = both.length > 0
    ? `Before training ${percent(mean(both.map(({ full }) => full.start)))}. `
    : "";
  const differences = () => {
    const one = bestPoint(both.map((pair) => pair.one)).rate;
    const full = bestPoint(both.map((pair) => pair.full)).rate;
    return both.map((pair) => at(pair.one, one) - at(pair.full, full));
  };
  return judge(
    {
      id: `fig6.parity${suffix}`,
      claim: "LoRA of rank 1 reaches full fine-tuning's best accuracy",
      quantity: "accuracy of rank 1 − accuracy of full fine-tuning, each at the learning rate " +
        "that is best in the mean over seeds",
      expected: [-MARGIN, null],
      detail: `${start}Best of each: ${listed.join("; ")}.`,
    },
    both.length === 0 ? undefined : estimate(differences()),
  );
}

function widths(rows: readonly AccuracyRow[], suffix: string): Verdict {
  const both = pairs(rows);
  const level = both.length > 0 ? goodLevel(both.map(({ full }) => full)) : 0;
  const ranges = (curves: readonly SeedCurve[]) =>
    curves.map(({ points }) => goodRange(points, level) ?? { doublings: 0, open: false });
  const one = ranges(both.map((pair) => pair.one)), full = ranges(both.map((pair) => pair.full));
  const width = (own: typeof one) => mean(own.map(({ doublings }) => doublings)).toFixed(1);
  const open = [...one, ...full].filter((range) => range.open).length;
  return judge(
    {
      id: `fig6.width${suffix}`,
      claim: "LoRA of rank 1 is good over a wider range of learning rates than full fine-tuning",
      quantity: `range of learning rates with at least ${
        percent(KEPT)
      } of full fine-tuning's best gain, in doublings, rank 1 − full`,
      expected: [0, null],
      detail: both.length > 0
        ? `Accuracy at least ${percent(level)}: rank 1 over ${width(one)} doublings, ` +
          `full fine-tuning over ${width(full)}, means over seeds. ` +
          `The learning rates end before the range in ${open} of ${2 * both.length} curves.`
        : "Rank 1 or full fine-tuning was not run.",
    },
    both.length === 0
      ? undefined
      : estimate(one.map(({ doublings }, i) => doublings - full[i]!.doublings)),
  );
}

function information(rows: readonly AccuracyRow[], suffix: string): Verdict {
  const known = rows.filter((row) => row.r === 1 && row.capacity_bits !== null);
  const one = known[0];
  return judge(
    {
      id: `fig6.information${suffix}`,
      claim: "Rank 1 could hold all that the rewards tell",
      quantity: "capacity of rank 1 (2 bits a parameter) over the rewards' bits",
      expected: [1, null],
      detail: one
        ? `${one.episodes} episodes tell at most ${one.information_bits} bits; ` +
          `${one.trainable_parameters} parameters hold ${one.capacity_bits}.`
        : "Rank 1 was not run.",
    },
    known.length === 0
      ? undefined
      : estimateRatio(known.map((row) => row.capacity_bits! / row.information_bits!)),
  );
}
