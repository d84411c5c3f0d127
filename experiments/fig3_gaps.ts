// How far LoRA is behind full fine-tuning at each batch size.

import { type FinalRow, groupBy, seedsIn } from "./final_rows.ts";
import { bestNll } from "./optima.ts";

/** LoRA of one rank against full fine-tuning at one batch size, for one seed. */
export interface Gap {
  readonly r: number;
  readonly batch_size: number;
  readonly seed: number;
  /** Final NLL at the best learning rate, LoRA's minus full fine-tuning's, in nats. */
  readonly gap: number;
  /** The gap over what full fine-tuning gained from the start on. */
  readonly share: number;
}

/** Every gap of which both sides were measured. */
export function gapsOf(rows: readonly FinalRow[]): Gap[] {
  return [...groupBy(rows, ({ batch_size }) => batch_size)].flatMap(([batch_size, at]) =>
    seedsIn(at).flatMap((seed) => {
      const own = at.filter((row) => row.seed === seed);
      const full = bestNll(own.filter(({ method }) => method === "full"), seed);
      const start = own.find(({ start_nll }) => start_nll !== null)?.start_nll;
      if (full === undefined || start === undefined || start === null) return [];
      const ranks = groupBy(own.filter(({ method }) => method === "lora"), ({ r }) => r);
      return [...ranks].flatMap(([r, runs]) => {
        const lora = bestNll(runs, seed);
        return lora === undefined
          ? []
          : [{ r, batch_size, seed, gap: lora - full, share: (lora - full) / (start - full) }];
      });
    })
  );
}

/** How much the shares grow from the smallest batch to the largest, on a line in log batch by least squares. */
export function growthOf(gaps: readonly Gap[]): number {
  const x = gaps.map(({ batch_size }) => Math.log2(batch_size));
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const middle = mean(x), level = mean(gaps.map(({ share }) => share));
  const covariance = gaps.reduce(
    (sum, { share }, i) => sum + (x[i]! - middle) * (share - level),
    0,
  );
  const slope = covariance / x.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return slope * (Math.max(...x) - Math.min(...x));
}
