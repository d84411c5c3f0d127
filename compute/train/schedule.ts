// Learning rates over a run, by TRL's names.

import type { AdamWOptions } from "../ops/optimizer.ts";

/** `linear` falls from the learning rate to 0 behind the last step. */
export type Schedule = "constant" | "linear";

/** An optimizer whose learning rate may change from step to step; constant unless it says otherwise. */
export type ScheduledAdamW = AdamWOptions & { readonly lr_scheduler_type?: Schedule };

/** The optimizer of step `t` of `steps`, counted from 1. */
export function optimizerAt(optimizer: ScheduledAdamW, t: number, steps: number): AdamWOptions {
  const factor = optimizer.lr_scheduler_type === "linear" ? (steps - t + 1) / steps : 1;
  return { ...optimizer, learning_rate: optimizer.learning_rate * factor };
}
