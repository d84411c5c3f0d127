// How a run ends that cannot go on.

import { DeviceLostError } from "../../compute/backend/webgpu/failures.ts";
import { NoRewardError } from "../../compute/train/grpo.ts";
import { DivergedError } from "../../compute/train/sft.ts";
import type { ArtifactStore } from "../artifacts/artifact_store.ts";
import { listCheckpoints } from "../checkpoint_files.ts";
import { isFull, isUnreachable } from "../faults.ts";
import type { Configuration } from "../configuration.ts";
import type { Run, RunError } from "../spec/run.ts";
import type { MemoryNeeds } from "../spec/worker.ts";
import { UNKNOWN_NEEDS } from "../workers/worker_store.ts";
import { DoesNotFitError } from "./open_device.ts";
import { EXIT_CRASHED, EXIT_DEVICE_LOST, EXIT_UNAVAILABLE } from "./exit_code.ts";
import type { Reporter } from "./reporter.ts";

/** Whether an error comes back however often the run is tried: input or numbers are at fault, not the machine. */
export function isFinalError(error: unknown): error is Error {
  return error instanceof DivergedError || error instanceof NoRewardError ||
    error instanceof RangeError ||
    error instanceof SyntaxError || error instanceof TypeError;
}

/** The exit code of a job process that an error ends which is not final. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof DeviceLostError) return EXIT_DEVICE_LOST;
  return isFull(error) || isUnreachable(error) ? EXIT_UNAVAILABLE : EXIT_CRASHED;
}

/**
 * Where workers on other hosts may have more memory, a run that does not fit here is no failure: its row says
 * what it takes, and it waits for one of them.
 *
 * @returns whether that is so.
 */
export async function waitsForMemory(
  error: unknown,
  run: Run,
  reporter: Reporter,
  { databaseUrl }: Pick<Configuration, "databaseUrl">,
): Promise<boolean> {
  if (!(error instanceof DoesNotFitError) || databaseUrl === undefined) return false;
  console.error(error.message);
  await reporter.flush({ needs: withNeed(run, error.kind, error.bytes) });
  return true;
}

/** What a run takes, once it is known for one kind of device. */
export function withNeed({ needs_bytes }: Run, kind: "cpu" | "webgpu", bytes: number): MemoryNeeds {
  return { ...UNKNOWN_NEEDS, ...needs_bytes, [kind]: bytes };
}

/** Ends a run as failed. */
export async function fail(
  reporter: Reporter,
  error: Error,
  artifacts: ArtifactStore,
): Promise<void> {
  // A loss that is no number says that the weights it was computed with are no good either.
  const spoilt = error instanceof DivergedError && !Number.isFinite(error.loss)
    ? error.step - 1
    : Infinity;
  await reporter.flush();
  const { store, claim } = reporter;
  const good = (await listCheckpoints(artifacts, claim.id)).findLast(({ step }) => step < spoilt);
  await store.finish(claim, { status: "failed", error: describe(error, good?.step) });
}

function describe(error: Error, checkpointStep: number | undefined): RunError {
  return {
    type: error.name,
    message: error.message,
    ...(error instanceof DivergedError &&
      { step: error.step, grad_norm: String(error.gradNorm) }),
    ...(error instanceof NoRewardError && { step: error.step }),
    ...(checkpointStep !== undefined && { last_checkpoint_step: checkpointStep }),
  };
}
