// What must hold of a run's checkpoints and adapter: all that its events tell of is there, whole, and as it
// was written.

import { createHash } from "node:crypto";
import { join } from "@std/path";
import type { ArtifactStore } from "../../runs/artifacts/artifact_store.ts";
import { adapterName, checkpointName, listCheckpoints } from "../../runs/checkpoint_files.ts";
import { exists } from "../../runs/write_file.ts";
import type { WatchedRun, World } from "./world.ts";

/** Looks at what a run that succeeded has left, as a host would that has nothing of it yet. */
export async function checkArtifacts(world: World, run: WatchedRun): Promise<string[]> {
  const scratch = await Deno.makeTempDir({ prefix: "noregret-look-" });
  try {
    const artifacts = await world.artifacts(scratch);
    const wrong = await checkCheckpoints(artifacts, run);
    if (run.spec.method.kind === "lora") {
      await using adapter = await artifacts.open(adapterName(run.id));
      if (adapter === undefined) wrong.push("its adapter is not there");
    }
    return [...wrong, ...await leftOvers(world, run.id)];
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

async function checkCheckpoints(
  artifacts: ArtifactStore,
  { id, spec, watcher }: WatchedRun,
): Promise<string[]> {
  const wrong: string[] = [];
  const told = new Map<number, string>();
  for (const { type, data } of watcher.events) {
    if (type === "checkpoint") told.set(data.step, data.sha256);
  }
  const kept = (await listCheckpoints(artifacts, id)).map(({ step }) => step);
  if (kept.at(-1) !== spec.max_steps) wrong.push(`its checkpoints are those of steps ${kept}`);
  for (const step of kept) {
    try {
      await using folder = await artifacts.open(checkpointName(id, step));
      const sums = await Deno.readTextFile(join(folder!.path, "SHA256SUMS"));
      if (sha256(sums) !== told.get(step)) wrong.push(`its checkpoint ${step} is not the one told`);
      for (const [, sum, name] of sums.matchAll(/^([0-9a-f]{64}) {2}(.+)$/gm)) {
        const bytes = await Deno.readFile(join(folder!.path, name!));
        if (sha256(bytes) !== sum) wrong.push(`${name} of its checkpoint ${step} is damaged`);
      }
    } catch (error) {
      wrong.push(`its checkpoint ${step} cannot be read: ${error}`);
    }
  }
  return wrong;
}

// Of a store only its manifests count; what they do not name goes with the folder.
async function leftOvers({ s3, paths }: World, id: string): Promise<string[]> {
  const left: string[] = [];
  for (const folder of s3 ? [] : [`${paths.checkpoints}/${id}`, paths.adapters]) {
    if (!(await exists(folder))) continue;
    for await (const { name } of Deno.readDir(folder)) {
      if (name.startsWith(".") && (folder.endsWith(id) || name.includes(id))) {
        left.push(`${name} is left over`);
      }
    }
  }
  return left;
}

function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}
