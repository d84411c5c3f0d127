// Times of the kernels of a plan, as the threads leave them: for each thread its start, and for each call
// when it was done itself and when all were. Every thread has a clock of its own; only differences count.

import type { PlanTiming } from "../backend.ts";

/** The clock of timed plans, the only one here: no result depends on it. Milliseconds. */
export const now = (): number => performance.now();

const words = (calls: number) => 2 * calls + 1;

/** Bytes that the times of a plan take. */
export function timingBytes(calls: number, threads: number): number {
  return 8 * threads * words(calls);
}

/** Reads the times of a plan of so many calls. */
export function readTiming(
  buffer: ArrayBuffer,
  address: number,
  calls: number,
  threads: number,
): PlanTiming {
  const times = new Float64Array(buffer, address, threads * words(calls));
  const timing = { calls: new Float64Array(calls), waits: new Float64Array(calls) };
  for (let call = 0; call < calls; call++) {
    timing.calls[call] = times[2 * call + 2]! - times[2 * call]!;
    for (let thread = 0; thread < threads; thread++) {
      const done = thread * words(calls) + 2 * call + 1;
      timing.waits[call]! += (times[done + 1]! - times[done]!) / threads;
    }
  }
  return timing;
}
