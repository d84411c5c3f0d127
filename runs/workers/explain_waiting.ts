// Says of queued runs what they wait for, where no living worker could take them.

import type { Run } from "../spec/run.ts";
import { waitingFor } from "./placement.ts";
import { UNKNOWN_NEEDS, type WorkerStore } from "./worker_store.ts";

/** The runs, with `waiting_for` where there is something to say. */
export async function explainWaiting(
  runs: readonly Run[],
  workers: WorkerStore,
): Promise<Run[]> {
  if (!runs.some(({ status }) => status === "queued")) return [...runs];
  const alive = await workers.list();
  return runs.map((run) => {
    if (run.status !== "queued") return run;
    const asked = { wants: run.spec.backend, needs: run.needs_bytes ?? UNKNOWN_NEEDS };
    return { ...run, waiting_for: waitingFor(asked, alive) };
  });
}
