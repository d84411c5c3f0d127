// What a run leaves on disk, as clients see it.

import { join } from "@std/path";
import type { HomePaths } from "./configuration.ts";
import type { Checkpoint, Run } from "./spec/run.ts";
import { exists } from "./write_file.ts";

/** A checkpoint's folder name: sorts by step. */
export function checkpointName(step: number): string {
  return `step-${String(step).padStart(9, "0")}`;
}

/** Checkpoints in a folder, oldest first. */
export async function listCheckpoints(folder: string): Promise<Checkpoint[]> {
  if (!(await exists(folder))) return [];
  const found: Checkpoint[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const match = /^step-(\d{9,})$/.exec(name);
    if (!isDirectory || !match) continue;
    let bytes = 0;
    for await (const file of Deno.readDir(join(folder, name))) {
      bytes += (await Deno.stat(join(folder, name, file.name))).size;
    }
    const { mtime } = await Deno.stat(join(folder, name));
    found.push({
      step: Number(match[1]),
      bytes,
      created_at: (mtime ?? new Date(0)).toISOString(),
    });
  }
  return found.sort((a, b) => a.step - b.step);
}

/** Files of a trained model that a client may fetch. */
export const ADAPTER_FILES = [
  "adapter_config.json",
  "adapter_model.safetensors",
  "model.safetensors",
] as const;

/**
 * Where a run's trained weights lie: its finished adapter, else its newest checkpoint, or the last good
 * one of a run that failed. Undefined while there is neither.
 */
export async function trainedFolder(paths: HomePaths, run: Run): Promise<string | undefined> {
  const finished = join(paths.adapters, run.id);
  if (await exists(finished)) return finished;
  const folder = join(paths.checkpoints, run.id);
  const checkpoints = await listCheckpoints(folder);
  const best = run.status === "failed"
    ? checkpoints.find(({ step }) => step === run.error?.last_checkpoint_step)
    : checkpoints.at(-1);
  return best && join(folder, checkpointName(best.step));
}
