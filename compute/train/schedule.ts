// Learning rates over a run, by TRL's names.

/** Schedules: `linear` falls from the learning rate to 0 behind the last step. */
export const SCHEDULES = ["constant", "linear"] as const;
/** One of {@linkcode SCHEDULES}. */
export type Schedule = typeof SCHEDULES[number];

/** Factor on the learning rate at step `t` of `steps`, counted from 1. */
export function scheduleFactor(schedule: Schedule, t: number, steps: number): number {
  return schedule === "linear" ? (steps - t + 1) / steps : 1;
}
