// What figure 2 says: LoRA's best learning rate is ten times that of full fine-tuning, whatever the rank.

import { capacityBits } from "../compute/theory/capacity.ts";
import type { FinalRow } from "./final_rows.ts";
import { type CurveOptimum, optimaOf } from "./optima.ts";
import { type Estimate, estimate, estimateRatio } from "./statistics/interval.ts";
import { judge, type Verdict } from "./verdict.ts";

/** Below this rank the paper finds a slightly lower optimum. */
const LEAST_RANK = 4;

const inner = (optima: readonly CurveOptimum[]) =>
  optima.filter(({ method, r }) => method === "lora" && r >= LEAST_RANK);

/** The claims that figure 2 can test. */
export function fig2Verdicts(rows: readonly FinalRow[]): Verdict[] {
  const optima = optimaOf(rows);
  const full = optima.find(({ method }) => method === "full");
  const ranks = inner(optima);
  const asked = new Set(rows.filter(({ r }) => r >= LEAST_RANK).map(({ r }) => r)).size;
  const edge = !full || ranks.length < asked
    ? "The lowest point of a curve is not inside its learning rates. "
    : "";
  return [
    judge({
      id: "fig2.ratio",
      claim: "LoRA's best learning rate is about 10 times that of full fine-tuning",
      quantity: `best learning rate of LoRA over full fine-tuning's, ranks ≥ ${LEAST_RANK}`,
      expected: [5, 20],
      detail: edge + listed(optima),
    }, edge ? undefined : ratio(ranks, full!)),
    judge({
      id: "fig2.spread",
      claim: "The best learning rate does not depend on the rank: it varies by less than 2 times",
      quantity: `largest over smallest best learning rate, ranks ≥ ${LEAST_RANK}`,
      expected: [null, 2],
      detail: edge + (ranks.length < 2 ? "Fewer than two ranks." : listed(ranks)),
    }, edge || ranks.length < 2 ? undefined : spread(ranks)),
    ...parity(rows, optima, full),
  ];
}

const seedsOf = ({ bySeed }: CurveOptimum) => [...bySeed.keys()];

function ratio(ranks: readonly CurveOptimum[], full: CurveOptimum): Estimate | undefined {
  if (ranks.length === 0) return undefined;
  return estimateRatio(
    seedsOf(full).map((seed) => {
      const logs = ranks.map(({ bySeed }) =>
        Math.log(bySeed.get(seed)!.rate / full.bySeed.get(seed)!.rate)
      );
      return Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length);
    }),
  );
}

function spread(ranks: readonly CurveOptimum[]): Estimate {
  return estimateRatio(
    seedsOf(ranks[0]!).map((seed) => {
      const rates = ranks.map(({ bySeed }) => bySeed.get(seed)!.rate);
      return Math.max(...rates) / Math.min(...rates);
    }),
  );
}

function parity(
  rows: readonly FinalRow[],
  optima: readonly CurveOptimum[],
  full: CurveOptimum | undefined,
): Verdict[] {
  const lora = optima.filter(({ method }) => method === "lora").sort((a, b) => a.r - b.r);
  // A run's tokens are as many bits; see fig1_falloff.ts.
  const enough = lora.filter(({ r }) =>
    rows.some((row) =>
      row.r === r && row.trainable_parameters !== null &&
      capacityBits(row.trainable_parameters) >= row.tokens
    )
  );
  const start = rows.find(({ start_nll }) => start_nll !== null)?.start_nll;
  const lagsOf = (one: CurveOptimum) =>
    !full || start === undefined || start === null ? [] : seedsOf(full).map((seed) => {
      const reference = full.bySeed.get(seed)!.nll;
      return (one.bySeed.get(seed)!.nll - reference) / (start - reference);
    });
  const measured = (ranks: readonly CurveOptimum[]) => {
    const lags = ranks.map(lagsOf);
    const seeds = lags[0] ?? [];
    return seeds.length === 0
      ? undefined
      : estimate(seeds.map((_, i) => lags.reduce((sum, own) => sum + own[i]!, 0) / lags.length));
  };
  const detail = (ranks: readonly CurveOptimum[]) =>
    ranks.length === 0 ? "No rank holds the data." : ranks.map((one) => {
      const lag = measured([one]);
      return `r=${one.r}: ${lag ? `${(100 * lag.mean).toFixed(1)} %` : "not measured"}`;
    }).join("; ") + ".";
  const quantity =
    "share of full fine-tuning's gain that is missing, each at its best learning rate";
  return [
    judge({
      id: "fig2.parity",
      claim: "LoRA of the highest rank ends where full fine-tuning ends",
      quantity,
      expected: [null, 0.05],
      detail: detail(lora),
    }, measured(lora.slice(-1))),
    judge({
      id: "fig2.capacity",
      claim: "Every rank whose capacity holds the data ends where full fine-tuning ends",
      quantity,
      expected: [null, 0.05],
      detail: detail(enough),
    }, measured(enough)),
  ];
}

/** "LoRA r=4: 1.6e-3 (1.4e-3 to 1.8e-3)" for each curve. */
function listed(optima: readonly CurveOptimum[]): string {
  const number = (value: number) => value.toExponential(1);
  return optima.map(({ curve, rate: { mean, interval } }) =>
    `${curve}: ${number(mean)}` +
    (interval ? ` (${number(interval[0])} to ${number(interval[1])})` : "")
  ).join("; ") + ".";
}
