// What figure 6 says: with rewards, rank 1 is enough. It reaches full fine-tuning's best accuracy, over a
// wider range of learning rates, and could hold all that the rewards tell.

import type { AccuracyRow } from "./fig6_rows.ts";
import { type GoodRange, goodRange } from "./fig6_range.ts";
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
  readonly best: number;
  readonly points: { rate: number; accuracy: number }[];
}

/** A curve of a panel, seed by seed; a run that diverged answers nothing rightly. */
function curveOf(rows: readonly AccuracyRow[], r: number): SeedCurve[] {
  const own = rows.filter((row) => row.r === r);
  return [...new Set(own.map(({ seed }) => seed))].map((seed) => {
    const points = own.filter((row) => row.seed === seed)
      .map(({ learning_rate, accuracy }) => ({ rate: learning_rate, accuracy: accuracy ?? 0 }));
    return {
      seed,
      start: own.find((row) => row.seed === seed)!.start_accuracy ?? 0,
      best: Math.max(...points.map(({ accuracy }) => accuracy)),
      points,
    };
  });
}

/** The level that counts as good for a seed, by full fine-tuning's best. */
export function goodLevel({ start, best }: Pick<SeedCurve, "start" | "best">): number {
  return start + KEPT * (best - start);
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** The claims that figure 6 can test, for each panel. */
export function fig6Verdicts(rows: readonly AccuracyRow[]): Verdict[] {
  const panels = [...new Set(rows.map(({ panel }) => panel))];
  return panels.flatMap((panel) => {
    const own = rows.filter((row) => row.panel === panel);
    const suffix = panels.length > 1 ? `.${panel}` : "";
    return [parity(own, suffix), width(own, suffix), information(own, suffix)];
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
    const best = mean(curveOf(rows, r).map((curve) => curve.best));
    return `${r === 0 ? "full" : `r=${r}`}: ${percent(best)}`;
  });
  const start = both[0] ? `Before training ${percent(both[0].full.start)}. ` : "";
  return judge(
    {
      id: `fig6.parity${suffix}`,
      claim: "LoRA of rank 1 reaches full fine-tuning's best accuracy",
      quantity: "best accuracy of rank 1 − best accuracy of full fine-tuning, over learning rates",
      expected: [-MARGIN, null],
      detail: `${start}Best of each: ${listed.join("; ")}.`,
    },
    both.length === 0 ? undefined : estimate(both.map(({ one, full }) => one.best - full.best)),
  );
}

function width(rows: readonly AccuracyRow[], suffix: string): Verdict {
  const ranges = pairs(rows).map(({ one, full }) => {
    const level = goodLevel(full);
    return { level, one: goodRange(one.points, level), full: goodRange(full.points, level) };
  });
  const text = (range: GoodRange | undefined) =>
    range
      ? `${range.low.toExponential(1)} to ${range.high.toExponential(1)}${
        range.open ? " (the grid ends there)" : ""
      }`
      : "nowhere";
  const first = ranges[0];
  return judge(
    {
      id: `fig6.width${suffix}`,
      claim: "LoRA of rank 1 is good over a wider range of learning rates than full fine-tuning",
      quantity: `range of learning rates with at least ${
        percent(KEPT)
      } of full fine-tuning's best gain, in doublings, rank 1 − full`,
      expected: [0, null],
      detail: first
        ? `Accuracy at least ${percent(first.level)}: rank 1 from ${text(first.one)}, ` +
          `full fine-tuning from ${text(first.full)}.`
        : "Rank 1 or full fine-tuning was not run.",
    },
    ranges.length === 0
      ? undefined
      : estimate(ranges.map(({ one, full }) => (one?.doublings ?? 0) - (full?.doublings ?? 0))),
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
