// Stops what of a sweep has not ended.

import { isFinal } from "../spec/run.ts";
import type { RunStore } from "../store/run_store.ts";
import type { StoredSweep } from "../store/sweep_store.ts";

/** Ends the queued runs of a sweep and asks the running ones to stop. */
export async function cancelSweep({ runs }: StoredSweep, store: RunStore): Promise<void> {
  for (const { run } of runs) {
    if (!isFinal(run.status)) await store.requestCancel(run.id);
  }
}
