// What the measured capacity says of the rule of 2 bits a parameter.

import { BITS_PER_PARAMETER } from "../compute/theory/capacity.ts";
import { capacitiesOf, type CapacityRow } from "./capacity_rows.ts";
import { estimate } from "./statistics/interval.ts";
import { judge, type Verdict } from "./verdict.ts";

/** A factor that "about 2 bits" may be off by. */
const ABOUT = 1.5;

/** The claim that memorised random rows can test. */
export function capacityVerdicts(rows: readonly CapacityRow[]): Verdict[] {
  const found = capacitiesOf(rows);
  const perParameter = found.map(({ bits, parameters }) => bits / parameters);
  const open = found.filter(({ saturated }) => !saturated).map(({ r }) => `r=${r}`);
  const bound = open.length === 0
    ? ""
    : ` A lower bound: ${[...new Set(open)].join(", ")} held more of a larger load.`;
  return [judge(
    {
      id: "capacity.bits",
      claim: `A LoRA parameter holds about ${BITS_PER_PARAMETER} bits`,
      quantity: "bits of random rows memorised a parameter, mean over ranks",
      expected: [BITS_PER_PARAMETER / ABOUT, BITS_PER_PARAMETER * ABOUT],
      detail: found.map(({ r, bits, parameters }) =>
        `r=${r}: ${Math.round(bits).toLocaleString("en")} bits in ` +
        `${parameters.toLocaleString("en")} parameters, ${(bits / parameters).toFixed(2)} each`
      ).join("; ") + "." + bound,
    },
    found.length === 0 ? undefined : {
      ...estimate(perParameter),
      // A lower bound has no upper end.
      ...(open.length > 0 && { interval: null }),
    },
  )];
}
