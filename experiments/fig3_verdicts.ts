// What figure 3 says: LoRA pays for large batches, and a higher rank does not help.

import { type Gap, gapsOf, growthOf } from "./fig3_gaps.ts";
import { type FinalRow, groupBy } from "./final_rows.ts";
import { estimate } from "./statistics/interval.ts";
import { judge, type Verdict } from "./verdict.ts";

/**
 * Share of full fine-tuning's gain that counts as nothing, as in all figures. A growth must be larger: that a
 * gap of about nothing rises at all could be neither shown nor refuted.
 */
const MARGIN = 0.05;

const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** The claims that figure 3 can test. */
export function fig3Verdicts(rows: readonly FinalRow[]): Verdict[] {
  const gaps = gapsOf(rows);
  const seeds = [...groupBy(gaps, ({ seed }) => seed).values()];
  const ranks = [...new Set(gaps.map(({ r }) => r))].sort((a, b) => a - b);
  const batches = [...new Set(gaps.map(({ batch_size }) => batch_size))].sort((a, b) => a - b);
  const largest = batches.at(-1);
  const low = ranks[0], high = ranks.at(-1);
  const atLargest = (own: readonly Gap[], r: number | undefined) =>
    own.find((gap) => gap.r === r && gap.batch_size === largest)!;
  const complete = seeds.filter((own) => own.length === ranks.length * batches.length);
  return [
    judge(
      {
        id: "fig3.growth",
        claim: "The gap between LoRA and full fine-tuning grows with the batch size",
        quantity: "growth of the gap from the smallest batch to the largest, over full " +
          "fine-tuning's gain, on a line in log batch, mean over ranks",
        expected: [MARGIN, null],
        detail: batches.map((batch) => {
          const own = gaps.filter(({ batch_size }) => batch_size === batch);
          const nats = mean(own.map(({ gap }) => gap)).toFixed(4);
          return `batch ${batch}: ${nats} nats, ${percent(mean(own.map(({ share }) => share)))}`;
        }).join("; ") + ".",
      },
      batches.length < 2 || complete.length === 0 ? undefined : estimate(
        complete.map((own) => mean(ranks.map((r) => growthOf(own.filter((gap) => gap.r === r))))),
      ),
    ),
    judge(
      {
        id: "fig3.rank",
        claim: "The gap at a large batch does not depend on the rank",
        quantity:
          "gap of the lowest rank minus gap of the highest at the largest batch, over the gain",
        expected: [-MARGIN, MARGIN],
        detail: ranks.length < 2
          ? "Fewer than two ranks."
          : `Ranks ${low} and ${high}, batch ${largest}.`,
      },
      ranks.length < 2 || complete.length === 0 ? undefined : estimate(
        complete.map((own) => atLargest(own, low).share - atLargest(own, high).share),
      ),
    ),
  ];
}
