// What the measured capacity says of the rule of 2 bits a parameter.

import { BITS_PER_PARAMETER } from "../compute/theory/capacity.ts";
import { areFull, capacitiesOf, type Capacity, type CapacityRow } from "./capacity_rows.ts";
import { groupBy } from "./final_rows.ts";
import { estimate } from "./statistics/interval.ts";
import { judge, type Verdict } from "./verdict.ts";

/** A factor that "about 2 bits" may be off by. */
const ABOUT = 1.5;

const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
const percent = (share: number) => `${(100 * share).toFixed(0)} %`;

/** The claim that memorised random rows can test. */
export function capacityVerdicts(rows: readonly CapacityRow[]): Verdict[] {
  const found = capacitiesOf(rows);
  const ranks = groupBy(found, ({ r }) => r);
  const full = found.length > 0 && [...ranks.values()].every(areFull);
  const perParameter = found.map(({ bits, limit, parameters }) =>
    (full ? limit! : bits) / parameters
  );
  const targets = [...new Set(rows.map(({ target_modules }) => target_modules))].join(", ");
  const longest = Math.max(...rows.map(({ steps }) => steps));
  const largest = Math.max(...rows.map(({ load }) => load));
  return [judge(
    {
      id: "capacity.bits",
      claim: `A LoRA parameter holds about ${BITS_PER_PARAMETER} bits`,
      quantity: full
        ? `bits of random rows that a parameter of LoRA on ${targets} holds after ever more updates, ` +
          "mean over ranks and seeds"
        : `bits of random rows memorised a parameter of LoRA on ${targets}, mean over ranks and seeds`,
      expected: [BITS_PER_PARAMETER / ABOUT, BITS_PER_PARAMETER * ABOUT],
      detail: found.length === 0 ? "" : [
        `Up to ${longest.toLocaleString("en")} updates and ` +
        `${largest.toFixed(1)} times the rule's load.`,
        ...[...ranks].map(([r, own]) => described(r, own)),
        ...(full ? [] : ["A lower bound: not full."]),
      ].join(" "),
    },
    found.length === 0 ? undefined : {
      ...estimate(perParameter),
      // A lower bound has no upper end.
      ...(!full && { interval: null }),
    },
  )];
}

/** "r=1: 397 bits in 1,024 parameters (0.39 each), towards 0.45 each; twice the load adds −3 %." */
function described(r: number, own: readonly Capacity[]): string {
  const { parameters } = own[0]!;
  const each = (bits: number) => (bits / parameters).toFixed(2);
  const bits = mean(own.map((one) => one.bits));
  const limits = own.flatMap(({ limit }) => limit ?? []);
  const growths = own.flatMap(({ growth }) => growth ?? []);
  return `r=${r}: ${Math.round(bits).toLocaleString("en")} bits in ` +
    `${parameters.toLocaleString("en")} parameters (${each(bits)} each)` +
    (limits.length > 0 ? `, towards ${each(mean(limits))} each with ever more updates` : "") +
    (growths.length > 0 ? `; the largest load adds ${percent(mean(growths))}.` : ".");
}
