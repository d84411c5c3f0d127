// Checkpoints on disk: checkpoints/<run>/step-<n>/ with the trained weights in the layout that others
// load, and the trainer's state. A folder appears in one rename, so each is whole.

import { join } from "@std/path";
import { type Files, readState } from "../../compute/train/checkpoint.ts";
import type { TrainingState } from "../../compute/train/sft.ts";
import { checkpointName, listCheckpoints } from "../checkpoint_files.ts";
import { writeFolderAtomically } from "../write_file.ts";
import { openFileSource } from "./file_source.ts";

/** Older ones are removed. */
const KEPT = 3;

/** Writes a checkpoint and removes all but the newest {@linkcode KEPT}. */
export async function writeCheckpoint(folder: string, step: number, files: Files): Promise<void> {
  await writeFolderAtomically(join(folder, checkpointName(step)), files);
  const all = await listCheckpoints(folder);
  for (const { step: old } of all.slice(0, -KEPT)) {
    await Deno.remove(join(folder, checkpointName(old)), { recursive: true });
  }
}

/** The newest checkpoint that can be read, or undefined if there is none. */
export async function readNewestCheckpoint(folder: string): Promise<TrainingState | undefined> {
  for (const { step } of (await listCheckpoints(folder)).reverse()) {
    const path = join(folder, checkpointName(step));
    try {
      using optimizer = await openFileSource(
        join(path, "optimizer.safetensors"),
        "optimizer.safetensors",
      );
      return await readState(await Deno.readTextFile(join(path, "trainer_state.json")), optimizer);
    } catch (error) {
      // A disk that lost part of a checkpoint costs the steps back to the one before, not the run.
      if (!(error instanceof SyntaxError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
