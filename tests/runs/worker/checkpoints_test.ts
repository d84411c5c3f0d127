// Which checkpoint an attempt begins with.

import assert from "@std/assert";
import { basename, dirname, join } from "@std/path";
import { stateFiles } from "../../../compute/train/checkpoint.ts";
import { localArtifacts } from "../../../runs/artifacts/local_artifacts.ts";
import { checkpointName, listCheckpoints } from "../../../runs/checkpoint_files.ts";
import type { RunStore } from "../../../runs/store/run_store.ts";
import { readNewestCheckpoint, writeCheckpoint } from "../../../runs/worker/checkpoints.ts";

const RUN = "run";

type Recorded = { step: number; sha256?: string };

const filesOf = (step: number, value: number) =>
  stateFiles({ step, tokens: 10 * step, cursor: step, arrays: [Float32Array.of(value)] });

/** What a store says whose run has told of these checkpoints. */
function storeOf(recorded: readonly Recorded[]): Pick<RunStore, "lastEvents"> {
  return {
    lastEvents: () =>
      Promise.resolve(
        recorded.map((data, seq) => ({ seq, type: "checkpoint", data: { ...data } })),
      ),
  };
}

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "noregret-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes checkpoints of steps 1, 2, … and returns what a store would know of them. */
async function writeSome(folder: string, count: number): Promise<Recorded[]> {
  const recorded: Recorded[] = [];
  for (let step = 1; step <= count; step++) {
    recorded.push({
      step,
      sha256: await writeCheckpoint(localArtifacts(folder), RUN, step, filesOf(step, step)),
    });
  }
  return recorded;
}

Deno.test("an attempt begins with the newest checkpoint, of which three are kept", () =>
  withFolder(async (folder) => {
    const recorded = await writeSome(folder, 5);
    assert.deepEqual((await listCheckpoints(localArtifacts(folder), RUN)).map(({ step }) => step), [
      3,
      4,
      5,
    ]);
    const { state, warnings } = await readNewestCheckpoint(
      localArtifacts(folder),
      storeOf(recorded),
      RUN,
    );
    assert.deepEqual([state?.step, ...state!.arrays[0]!], [5, 5]);
    assert.deepEqual(warnings, []);
    const name = checkpointName(RUN, 5);
    const { code } = await new Deno.Command("sha256sum", {
      args: ["--check", "--quiet", "SHA256SUMS"],
      cwd: join(folder, name),
    }).output();
    assert.equal(code, 0);
  }));

Deno.test("a damaged checkpoint is set aside with a warning, and the one before is taken", () =>
  withFolder(async (folder) => {
    const recorded = await writeSome(folder, 3);
    const file = (step: number) => join(folder, checkpointName(RUN, step), "optimizer.safetensors");
    const bytes = await Deno.readFile(file(3));
    // A bit of a number: nothing but the hash can tell.
    bytes[bytes.length - 1]! ^= 1;
    await Deno.writeFile(file(3), bytes);
    await Deno.truncate(file(2), 20);
    const { state, warnings } = await readNewestCheckpoint(
      localArtifacts(folder),
      storeOf(recorded),
      RUN,
    );
    assert.equal(state?.step, 1);
    assert.equal(warnings.length, 2);
    assert.match(warnings[0]!, /^The checkpoint of step 3 is damaged: optimizer\.safetensors has/);
    assert.deepEqual((await listCheckpoints(localArtifacts(folder), RUN)).map(({ step }) => step), [
      1,
    ]);
    // Reached again, it is written again.
    recorded.push({
      step: 3,
      sha256: await writeCheckpoint(localArtifacts(folder), RUN, 3, filesOf(3, 3)),
    });
    assert.equal(
      (await readNewestCheckpoint(localArtifacts(folder), storeOf(recorded), RUN)).state?.step,
      3,
    );
  }));

Deno.test("a checkpoint of an attempt that had lost the run is no checkpoint, and is written over", () =>
  withFolder(async (folder) => {
    const recorded = await writeSome(folder, 2);
    await writeCheckpoint(localArtifacts(folder), RUN, 3, filesOf(3, -1));
    const before = await readNewestCheckpoint(localArtifacts(folder), storeOf(recorded), RUN);
    assert.equal(before.state?.step, 2);
    recorded.push({
      step: 3,
      sha256: await writeCheckpoint(localArtifacts(folder), RUN, 3, filesOf(3, 3)),
    });
    const after = await readNewestCheckpoint(localArtifacts(folder), storeOf(recorded), RUN);
    assert.deepEqual([after.state?.step, ...after.state!.arrays[0]!], [3, 3]);
  }));

Deno.test("what a killed attempt left half written is removed", () =>
  withFolder(async (folder) => {
    const recorded = await writeSome(folder, 1);
    const path = join(folder, checkpointName(RUN, 2));
    const half = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}.tmp`);
    await Deno.mkdir(half);
    await Deno.writeTextFile(join(half, "optimizer.safetensors"), "half");
    await readNewestCheckpoint(localArtifacts(folder), storeOf(recorded), RUN);
    const left = Array.from(Deno.readDirSync(dirname(path)), ({ name }) => name);
    assert.deepEqual(left, [basename(checkpointName(RUN, 1))]);
  }));
