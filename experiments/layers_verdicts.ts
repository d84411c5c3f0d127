// What figures 4 and 5 say: adapting attention alone falls behind, and attention adds nothing to the
// feed-forward layers.

import { type FinalRow, groupBy, seedsIn } from "./final_rows.ts";
import { bestNll } from "./optima.ts";
import { type Estimate, estimate } from "./statistics/interval.ts";
import { judge, type Verdict } from "./verdict.ts";

/** The claims that a comparison of layers can test. */
export function layersVerdicts(key: string, rows: readonly FinalRow[]): Verdict[] {
  const attention = rows.filter(({ target_modules }) => target_modules === "attention");
  const mlp = rows.filter(({ target_modules }) => target_modules === "mlp");
  const all = rows.filter(({ target_modules }) => target_modules === "all");
  const mlpRanks = new Set(mlp.map(({ r }) => r));
  const both = all.filter(({ r }) => mlpRanks.has(r));
  const matched = all.filter(({ r }) => !mlpRanks.has(r));
  const sizes = `Parameters: ${
    [...groupBy(rows, ({ curve }) => curve)].map(([curve, own]) =>
      `${curve} ${own[0]!.trainable_parameters?.toLocaleString("en") ?? "unknown"}`
    ).join("; ")
  }.`;
  return [
    judge({
      id: `fig${key}.attention`,
      claim: "LoRA on attention alone is worse than on the MLP alone with as many parameters",
      quantity: "share of the MLP's gain that attention lacks",
      expected: [0, null],
      detail: sizes,
    }, lag(mlp, attention)),
    judge({
      id: `fig${key}.on_top`,
      claim: "LoRA on attention adds nothing to LoRA on the MLP of the same rank",
      quantity: "share of the MLP's gain that attention beside it adds",
      expected: [-0.05, 0.05],
      detail: "",
    }, negated(lag(mlp, both))),
    judge({
      id: `fig${key}.all`,
      claim: "With as many parameters, all layers are no better than the MLP alone",
      quantity: "share of the MLP's gain that all layers lack",
      expected: [-0.05, null],
      detail: "",
    }, lag(mlp, matched)),
  ];
}

/** (best of `other` − best of `reference`) / gain of `reference`, a number a seed. */
function lag(reference: readonly FinalRow[], other: readonly FinalRow[]): Estimate | undefined {
  const lags = seedsIn(reference).flatMap((seed) => {
    const low = bestNll(reference, seed), beside = bestNll(other, seed);
    const start = reference.find(({ start_nll }) => start_nll !== null)?.start_nll;
    if (low === undefined || beside === undefined || start === undefined || start === null) {
      return [];
    }
    return [(beside - low) / (start - low)];
  });
  return lags.length === 0 ? undefined : estimate(lags);
}

function negated(measured: Estimate | undefined): Estimate | undefined {
  if (!measured) return undefined;
  const { mean, interval, count } = measured;
  return { mean: -mean, interval: interval && [-interval[1], -interval[0]], count };
}
