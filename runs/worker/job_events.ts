// What a job tells of its training, whatever it trains by.

import type { EndReason, TrainingState } from "../../compute/train/sft.ts";
import type { MetricPoint, Progress } from "../spec/run.ts";

/** One thing that happened. */
export type JobEvent =
  | {
    readonly type: "step" | "eval" | "completions" | "warm_up";
    readonly data: Readonly<Record<string, unknown>>;
    /** What of it belongs to the run's curves. */
    readonly point?: MetricPoint;
    readonly progress?: Progress;
  }
  | { readonly type: "checkpoint"; readonly state: TrainingState }
  | { readonly type: "end"; readonly reason: EndReason };
