// Workgroups that fold a row of numbers into one.

import type { DescribeContext } from "../dispatch.ts";

/** Lanes of a vector of the processors that drivers emulate a GPU on. */
const PROCESSOR_LANES = 8;

/**
 * Invocations of a workgroup for one row, a power of two: about four columns each, from 32 to 256. On the
 * processor a barrier costs a switch of contexts for every vector of lanes, so there is only one.
 */
export function rowLanes(cols: number, { software }: Pick<DescribeContext, "software">): number {
  if (software) return PROCESSOR_LANES;
  return 2 ** Math.min(8, Math.max(5, Math.ceil(Math.log2(cols / 4))));
}
