// What a run leaves, as clients see it.

import type { ArtifactStore } from "./artifacts/artifact_store.ts";
import type { Checkpoint, Run } from "./spec/run.ts";

/** The artifact of a run's checkpoint: sorts by step. Without a step, what all of them begin with. */
export function checkpointName(run: string, step?: number): string {
  return `checkpoints/${run}/step-${step === undefined ? "" : String(step).padStart(9, "0")}`;
}

/** The artifact of an adapter. */
export function adapterName(adapter: string): string {
  return `adapters/${adapter}`;
}

/** A run's checkpoints, oldest first. */
export async function listCheckpoints(
  artifacts: ArtifactStore,
  run: string,
): Promise<Checkpoint[]> {
  return (await artifacts.list(`checkpoints/${run}`)).flatMap(({ name, bytes, created }) => {
    const step = /^step-(\d{9,})$/.exec(name)?.[1];
    return step === undefined
      ? []
      : [{ step: Number(step), bytes, created_at: created.toISOString() }];
  }).sort((a, b) => a.step - b.step);
}

/** Files of a trained model that a client may fetch. */
export const ADAPTER_FILES = [
  "adapter_config.json",
  "adapter_model.safetensors",
  "model.safetensors",
] as const;

/** Where a run's trained weights lie. */
export interface TrainedArtifact {
  readonly name: string;
  /** Sizes in bytes by name: those of {@linkcode ADAPTER_FILES} that are there. */
  readonly files: ReadonlyMap<string, number>;
}

/**
 * A run's trained weights: its finished adapter, else its newest checkpoint, or the last good one of a run
 * that failed. Undefined while there is neither.
 */
export async function trainedArtifact(
  artifacts: ArtifactStore,
  run: Run,
): Promise<TrainedArtifact | undefined> {
  const finished = await offered(artifacts, adapterName(run.id));
  if (finished) return finished;
  const checkpoints = await listCheckpoints(artifacts, run.id);
  const best = run.status === "failed"
    ? checkpoints.find(({ step }) => step === run.error?.last_checkpoint_step)
    : checkpoints.at(-1);
  return best && await offered(artifacts, checkpointName(run.id, best.step));
}

async function offered(
  artifacts: ArtifactStore,
  name: string,
): Promise<TrainedArtifact | undefined> {
  const all = await artifacts.files(name);
  if (all === undefined) return undefined;
  const files = ADAPTER_FILES.flatMap((file) => {
    const bytes = all.get(file);
    return bytes === undefined ? [] : [[file, bytes] as const];
  });
  return { name, files: new Map(files) };
}
