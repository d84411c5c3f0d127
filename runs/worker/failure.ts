// How a run ends that cannot go on.

import { DeviceLostError } from "../../compute/backend/webgpu/failures.ts";
import { NoRewardError } from "../../compute/train/grpo.ts";
import { DivergedError } from "../../compute/train/sft.ts";
import type { ArtifactStore } from "../artifacts/artifact_store.ts";
import { listCheckpoints } from "../checkpoint_files.ts";
import { isFull, isUnreachable } from "../faults.ts";
import type { RunError } from "../spec/run.ts";
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
