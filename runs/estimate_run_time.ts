// How long a run would take on this host, from those that it has done.

import type { CapacityRequest, RunTime } from "./spec/capacity.ts";
import type { RunStore } from "./store/run_store.ts";

/** Finished runs that are looked at. */
const MOST = 100;

/**
 * Seconds for one pass over the data with LoRA and with full fine-tuning: its tokens over the median
 * speed of this host's finished runs of the same model and method. Null where there are none, and for
 * episodes, whose tokens nobody knows before.
 */
export async function estimateRunTime(
  { model, dataset }: CapacityRequest,
  store: RunStore,
): Promise<RunTime> {
  if (model === undefined || !("examples" in dataset)) return null;
  const runs = (await store.list({ status: "succeeded", model, limit: MOST }))
    .filter(({ spec, result }) => spec.task.kind === "sft" && result && result.seconds > 0);
  if (runs.length === 0) return null;
  const tokens = dataset.examples * dataset.tokens_per_example;
  const speed = (kind: "lora" | "full") => {
    const speeds = runs.filter(({ spec }) => spec.method.kind === kind)
      .map(({ result }) => result!.tokens / result!.seconds).sort((a, b) => a - b);
    return speeds[speeds.length >> 1] ?? null;
  };
  const estimate = (tokens_per_s: number | null) =>
    tokens_per_s === null ? null : { tokens_per_s, seconds: tokens / tokens_per_s };
  return { runs: runs.length, lora: estimate(speed("lora")), full: estimate(speed("full")) };
}
