// What a job process does around its training: opens the store, and stops when it is told to or when
// the process that started it is gone.

import type { Configuration } from "../configuration.ts";
import { openRuns } from "../open_runs.ts";
import { trainRun } from "./train_run.ts";

/** Trains run `id` as attempt `attempt` and returns the exit code. */
export async function runJob(
  id: string,
  attempt: number,
  configuration: Configuration,
): Promise<number> {
  const stop = new AbortController();
  const abort = () => stop.abort();
  Deno.addSignalListener("SIGTERM", abort);
  Deno.addSignalListener("SIGINT", abort);
  void parentGone().then(abort);
  await using runs = await openRuns(configuration, "job");
  return await trainRun({
    claim: { id, attempt },
    store: runs.store,
    configuration,
    signal: stop.signal,
  });
}

// The supervisor keeps our stdin open for as long as it lives.
async function parentGone(): Promise<void> {
  const buffer = new Uint8Array(64);
  while (await Deno.stdin.read(buffer) !== null);
}
