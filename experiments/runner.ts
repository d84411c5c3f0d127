// Runs the specs of a figure. Done means a succeeded run with the same spec hash and code version, so
// a sweep can be stopped anywhere: finished runs are skipped, queued ones stay queued, interrupted ones
// go on from their last checkpoint.

import { openArtifacts } from "../runs/artifacts/open_artifacts.ts";
import { type Configuration, homePaths } from "../runs/configuration.ts";
import { isFinal, type Run, shareDone } from "../runs/spec/run.ts";
import type { RunSpec } from "../runs/spec/run_spec.ts";
import { specHash } from "../runs/spec/spec_hash.ts";
import { type OpenRuns, openRuns } from "../runs/open_runs.ts";
import type { RunStore } from "../runs/store/run_store.ts";
import { CODE_VERSION, submitRun } from "../runs/submit_run.ts";
import { explainWaiting } from "../runs/workers/explain_waiting.ts";
import type { WorkerStore } from "../runs/workers/worker_store.ts";
import { Supervisor } from "../runs/worker/supervisor.ts";
import type { RunOutcome } from "./figure.ts";

/** How often the store is looked at, in milliseconds. */
const POLL_MS = 250;
/** Runs of one spec that are looked through for a finished one. */
const MOST_ATTEMPTS = 20;

/** Where and how a sweep runs. */
export interface SweepOptions {
  readonly configuration: Configuration;
  /** URL of the program that the job processes run; see Supervisor. */
  readonly main: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: SweepProgress) => void;
}

/** How far a sweep is. */
export interface SweepProgress {
  readonly total: number;
  readonly finished: number;
  /** Finished before this sweep began. */
  readonly skipped: number;
  readonly running: readonly Run[];
  /** Runs that ended since the last report. */
  readonly ended: readonly Run[];
  /** Steps done of all steps, 0 … 1. */
  readonly share: number;
  readonly tokensPerSecond: number;
  readonly secondsLeft: number | undefined;
}

/**
 * Runs what has not been run and returns all outcomes in the order of the specs.
 *
 * @throws {InvalidSpecError} if a spec names what is not there.
 * @throws {Error} if a run fails for another reason than divergence.
 */
export async function runSweep(
  specs: readonly RunSpec[],
  options: SweepOptions,
): Promise<RunOutcome[]> {
  const { configuration, main, signal } = options;
  const paths = homePaths(configuration.home);
  await Deno.mkdir(configuration.home, { recursive: true });
  await using runs = await openRuns(configuration);
  const { store, queue, workers } = runs;
  const artifacts = await openArtifacts(configuration);
  const supervisor = new Supervisor({ queue, workers, configuration, main });
  try {
    const ids: string[] = [];
    for (const spec of specs) {
      const known = await findRun(store, specHash(spec));
      ids.push((known ?? (await submitRun(spec, { store, paths, artifacts })).run).id);
    }
    supervisor.start();
    const ended = await watch(ids, runs, options);
    signal.throwIfAborted();
    return await Promise.all(
      ended.map(async (run) => ({ run, points: await store.points(run.id) })),
    );
  } finally {
    await supervisor.stop();
  }
}

/** The run of a spec that is done, or else one that is under way. */
export async function findRun(store: RunStore, hash: string): Promise<Run | undefined> {
  const runs = (await store.list({ specHash: hash, limit: MOST_ATTEMPTS }))
    .filter((run) => run.code_version === CODE_VERSION);
  return runs.find(isDone) ?? runs.find(({ status }) => !isFinal(status));
}

/** True for a run that would end the same way again. */
export function isDone({ status, error }: Run): boolean {
  const final = ["DivergedError", "NoRewardError"];
  return status === "succeeded" || (status === "failed" && final.includes(error?.type ?? ""));
}

async function watch(
  ids: readonly string[],
  { store, workers }: Pick<OpenRuns, "store" | "workers">,
  { signal, onProgress }: SweepOptions,
): Promise<Run[]> {
  const started = performance.now();
  const ended = new Map<string, Run>();
  let skipped: number | undefined;
  let shareAtStart = 0;
  while (true) {
    const runs = await Promise.all(ids.map(async (id) => ended.get(id) ?? (await store.get(id))!));
    const justEnded = runs.filter((run) => isFinal(run.status) && !ended.has(run.id));
    for (const run of justEnded) {
      if (!isDone(run)) throw new Error(`Cannot finish the sweep: ${whatHappened(run)}`);
      ended.set(run.id, run);
    }
    const share = runs.reduce((sum, run) => sum + shareDone(run), 0) / runs.length;
    const first = skipped === undefined;
    if (first) {
      skipped = justEnded.length;
      shareAtStart = share;
    }
    const seconds = (performance.now() - started) / 1000;
    const gained = share - shareAtStart;
    const running = runs.filter(({ status }) => status === "running");
    onProgress({
      total: runs.length,
      finished: ended.size,
      skipped: skipped!,
      running,
      ended: first ? [] : justEnded,
      share,
      tokensPerSecond: running.reduce((sum, run) => sum + (run.progress?.tokens_per_s ?? 0), 0),
      secondsLeft: gained > 0.01 ? seconds * (1 - share) / gained : undefined,
    });
    if (ended.size === new Set(ids).size || signal.aborted) return runs;
    if (running.length === 0) await checkPlaceable(runs, workers);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** @throws {RangeError} if a run waits for what none of the workers has that are alive. */
async function checkPlaceable(runs: readonly Run[], workers: WorkerStore): Promise<void> {
  const alive = (await workers.list()).some(({ status }) => status === "ready");
  if (!alive) return;
  const stuck = (await explainWaiting(runs, workers)).find(({ waiting_for }) => waiting_for);
  if (stuck) {
    throw new RangeError(`Cannot finish the sweep: run ${stuck.id} waits for ${stuck.waiting_for}`);
  }
}

function whatHappened(run: Run): string {
  if (run.status === "cancelled") return `run ${run.id} was cancelled`;
  return `run ${run.id} failed: ${run.error?.message ?? "no reason is known"}`;
}
