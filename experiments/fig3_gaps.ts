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
  /** What full fine-tuning gained over the start, in nats. */
  readonly gain: number;
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
          : [{ r, batch_size, seed, gap: lora - full, gain: start - full }];
      });
    })
  );
}

/** Slope of the gap over log2 of the batch size by least squares: nats a doubling. */
export function slopeOf(gaps: readonly Gap[]): number {
  const x = gaps.map(({ batch_size }) => Math.log2(batch_size));
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const middle = mean(x), level = mean(gaps.map(({ gap }) => gap));
  const covariance = gaps.reduce((sum, { gap }, i) => sum + (x[i]! - middle) * (gap - level), 0);
  return covariance / x.reduce((sum, value) => sum + (value - middle) ** 2, 0);
}
