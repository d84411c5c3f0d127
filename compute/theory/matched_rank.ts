// Ranks that make adapters of different layers equally large.

import type { Architecture, Targets } from "./architecture.ts";
import { loraParameters } from "./parameters.ts";

/**
 * The rank whose LoRA on `targets` has the number of parameters nearest to `parameters`, the lower of
 * two equally near ones; at least 1. Counts are those of the real shapes: grouped-query attention, and
 * for experts ranks that grow in steps (see loraParameters).
 */
export function matchedRank(
  architecture: Architecture,
  targets: Targets,
  parameters: number,
): number {
  const count = (r: number) => loraParameters(architecture, targets, r);
  let above = 1;
  while (count(above) < parameters) above *= 2;
  let low = 1;
  while (low < above) {
    const middle = Math.floor((low + above) / 2);
    if (count(middle) < parameters) low = middle + 1;
    else above = middle;
  }
  // `above` is the smallest rank that is large enough; the one before may be nearer.
  const below = count(above - 1), atLeast = count(above);
  return above > 1 && parameters - below <= atLeast - parameters
    ? smallestWith(count, above - 1)
    : above;
}

/** Ranks of experts share a count: the smallest rank that has it. */
function smallestWith(count: (r: number) => number, r: number): number {
  while (r > 1 && count(r - 1) === count(r)) r--;
  return r;
}
