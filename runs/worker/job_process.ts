// What a job process does around its training: opens the store, and stops when it is told to or when
// the process that started it is gone.

import { openArtifacts } from "../artifacts/open_artifacts.ts";
import type { Configuration } from "../configuration.ts";
import { isFull, isUnreachable } from "../faults.ts";
import { openRuns } from "../open_runs.ts";
import { EXIT_UNAVAILABLE } from "./exit_code.ts";
import { trainRun } from "./train_run.ts";
import { sharedPart, trainShared } from "./train_shared.ts";

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
  try {
    return await train(id, attempt, configuration, stop.signal);
  } catch (error) {
    const outside = [error, (error as Error).cause].some((one) =>
      isUnreachable(one) || isFull(one)
    );
    if (!outside) throw error;
    console.error(error);
    return EXIT_UNAVAILABLE;
  }
}

async function train(
  id: string,
  attempt: number,
  configuration: Configuration,
  signal: AbortSignal,
): Promise<number> {
  await using runs = await openRuns(configuration, "job");
  const { store, queue } = runs;
  const artifacts = await openArtifacts(configuration, "job");
  const options = { claim: { id, attempt }, store, artifacts, configuration, signal };
  const sweep = await runs.sweeps.sharing(id);
  const own = sweep?.runs.find(({ run }) => run.id === id);
  if (sweep && own && sharedPart(own.run.spec) !== undefined) {
    return await trainShared({ ...options, queue, sweep });
  }
  return await trainRun(options);
}

// The supervisor keeps our stdin open for as long as it lives.
async function parentGone(): Promise<void> {
  const buffer = new Uint8Array(64);
  while (await Deno.stdin.read(buffer) !== null);
}
