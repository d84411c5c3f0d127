// Checkpoints: checkpoints/RUN/step-N with the trained weights in the layout that others load, the trainer's
// state, and SHA256SUMS over both. Each is whole, on whichever disk or store it lies; the hash of its
// SHA256SUMS is in the run's event, which only the holder of the claim can write. So a checkpoint that a disk
// damaged, or that was written by an attempt that had lost the run, is told.

import { createHash } from "node:crypto";
import { join } from "@std/path";
import { type Files, readState } from "../../compute/train/checkpoint.ts";
import type { TrainingState } from "../../compute/train/sft.ts";
import type { ArtifactStore } from "../artifacts/artifact_store.ts";
import { checkpointName, listCheckpoints } from "../checkpoint_files.ts";
import type { RunStore } from "../store/run_store.ts";
import { openFileSource } from "./file_source.ts";

/** Older ones are removed. */
const KEPT = 3;
/** In the format of the command `sha256sum`, which can check it. */
const SUMS = "SHA256SUMS";
/** Checkpoint events that are looked at: more than are kept, since attempts may repeat steps. */
const EVENTS = 50;

/** Writes a checkpoint, removes all but the newest {@linkcode KEPT}, and returns its hash. */
export async function writeCheckpoint(
  artifacts: ArtifactStore,
  run: string,
  step: number,
  files: Files,
): Promise<string> {
  const sums = Array.from(files, ([name, bytes]) => `${sha256(bytes)}  ${name}\n`).join("");
  await artifacts.put(
    checkpointName(run, step),
    new Map([...files, [SUMS, new TextEncoder().encode(sums)]]),
  );
  const all = await listCheckpoints(artifacts, run);
  for (const { step: old } of all.slice(0, -KEPT)) {
    await artifacts.remove(checkpointName(run, old));
  }
  return sha256(sums);
}

/** Where a run's attempt begins. */
export interface ResumePoint {
  /** Undefined: from the start. */
  readonly state: TrainingState | undefined;
  /** What was wrong with newer checkpoints. */
  readonly warnings: readonly string[];
}

/**
 * The newest checkpoint that the store knows of and that is whole. Damaged ones are set aside, and what a
 * killed attempt left half written is removed.
 */
export async function readNewestCheckpoint(
  artifacts: ArtifactStore,
  store: Pick<RunStore, "lastEvents">,
  run: string,
): Promise<ResumePoint> {
  await artifacts.tidy(checkpointName(run));
  const recorded = new Map<number, unknown>();
  for (const { data } of await store.lastEvents(run, "checkpoint", EVENTS)) {
    recorded.set(data.step as number, data.sha256);
  }
  const warnings: string[] = [];
  for (const { step } of (await listCheckpoints(artifacts, run)).reverse()) {
    if (!recorded.has(step)) continue;
    try {
      await using folder = await artifacts.open(checkpointName(run, step));
      if (folder === undefined) continue;
      return { state: await read(folder.path, recorded.get(step)), warnings };
    } catch (error) {
      // A disk that lost part of a checkpoint costs the steps back to the one before, not the run.
      if (!(error instanceof SyntaxError || error instanceof Deno.errors.NotFound)) throw error;
      warnings.push(`The checkpoint of step ${step} is damaged: ${error.message}`);
      await artifacts.setAside(checkpointName(run, step));
    }
  }
  return { state: undefined, warnings };
}

async function read(path: string, recorded: unknown): Promise<TrainingState> {
  await verify(path, recorded);
  using optimizer = await openFileSource(
    join(path, "optimizer.safetensors"),
    "optimizer.safetensors",
  );
  return await readState(await Deno.readTextFile(join(path, "trainer_state.json")), optimizer);
}

/** @throws {SyntaxError} naming the file that is not as it was written. */
async function verify(path: string, recorded: unknown): Promise<void> {
  // Checkpoints of versions before 0.1.0 have no sums.
  if (recorded === undefined) return;
  const sums = await Deno.readTextFile(join(path, SUMS));
  if (sha256(sums) !== recorded) {
    throw new SyntaxError(`${SUMS} is not the one that the run's events tell of`);
  }
  for (const [, sum, name] of sums.matchAll(/^([0-9a-f]{64}) {2}(.+)$/gm)) {
    if (sha256(await Deno.readFile(join(path, name!))) !== sum) {
      throw new SyntaxError(`${name} has another SHA-256 than when it was written`);
    }
  }
}

function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}
