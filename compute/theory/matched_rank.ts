// Ranks that make adapters of different layers equally large.

import type { Architecture, Targets } from "./architecture.ts";
import { loraParameters, rankUnit } from "./parameters.ts";

/**
 * The rank whose LoRA on `targets` has the number of parameters nearest to `parameters`, the lower of
 * two equally near ones, among those that a run takes (see rankUnit). Counts are those of the real shapes,
 * grouped-query attention and all experts.
 */
export function matchedRank(
  architecture: Architecture,
  targets: Targets,
  parameters: number,
): number {
  const unit = rankUnit(architecture, targets);
  const count = (units: number) => loraParameters(architecture, targets, units * unit);
  let above = 1;
  while (count(above) < parameters) above *= 2;
  let low = 1;
  while (low < above) {
    const middle = Math.floor((low + above) / 2);
    if (count(middle) < parameters) low = middle + 1;
    else above = middle;
  }
  // `above` is the smallest number of units that is enough; the one before may be nearer.
  const nearer = above > 1 && parameters - count(above - 1) <= count(above) - parameters;
  return (nearer ? above - 1 : above) * unit;
}
