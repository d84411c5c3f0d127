// The best learning rate of each curve, for each seed and over seeds.

import { type FinalRow, groupBy, lowestNll, seedsIn } from "./final_rows.ts";
import { type Estimate, estimate, estimateRatio } from "./statistics/interval.ts";
import { type Optimum, parabolaOptimum } from "./statistics/parabola.ts";

/** The bottom of a U-curve. */
export interface CurveOptimum {
  readonly curve: string;
  readonly method: "lora" | "full";
  readonly r: number;
  readonly bySeed: ReadonlyMap<number, Optimum>;
  /** Geometric mean over seeds. */
  readonly rate: Estimate;
  readonly nll: Estimate;
}

/** The bottom of one curve of one seed; undefined where it is not inside the grid. */
export function optimumOf(rows: readonly FinalRow[], seed: number): Optimum | undefined {
  const points = rows.filter((row) => row.seed === seed && row.nll !== null)
    .map(({ learning_rate, nll }) => ({ rate: learning_rate, nll: nll! }));
  return parabolaOptimum(points);
}

/**
 * The lowest loss of one curve of one seed: that of the parabola, or of the grid where its lowest point is
 * at an edge; undefined where every run diverged.
 */
export function bestNll(rows: readonly FinalRow[], seed: number): number | undefined {
  return optimumOf(rows, seed)?.nll ?? lowestNll(rows.filter((row) => row.seed === seed));
}

/** The bottoms of all curves; one that lies outside the grid for some seed is left out. */
export function optimaOf(rows: readonly FinalRow[]): CurveOptimum[] {
  return [...groupBy(rows, ({ curve }) => curve)].flatMap(([curve, own]) => {
    const seeds = seedsIn(own);
    const bySeed = new Map(seeds.flatMap((seed) => {
      const optimum = optimumOf(own, seed);
      return optimum ? [[seed, optimum] as const] : [];
    }));
    if (bySeed.size < seeds.length) return [];
    const found = [...bySeed.values()];
    return [{
      curve,
      method: own[0]!.method,
      r: own[0]!.r,
      bySeed,
      rate: estimateRatio(found.map(({ rate }) => rate)),
      nll: estimate(found.map(({ nll }) => nll)),
    }];
  });
}
