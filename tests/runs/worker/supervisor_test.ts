// What a worker does about its runs in moments that whole processes hardly ever meet.

import assert from "@std/assert";
import { readConfiguration } from "../../../runs/configuration.ts";
import { openRuns } from "../../../runs/open_runs.ts";
import type { RunQueue } from "../../../runs/queue/run_queue.ts";
import { parseRunSpec } from "../../../runs/spec/parse_spec.ts";
import type { RunSpecInput } from "../../../runs/spec/run_spec.ts";
import { specHash } from "../../../runs/spec/spec_hash.ts";
import { Supervisor } from "../../../runs/worker/supervisor.ts";
import { MAIN } from "../../e2e/service.ts";
import { makeTinyHome, tinySpec } from "../tiny_home.ts";
import { until } from "../../support/until.ts";

/** A database of a worker's own with one run that waits. */
async function open(lease: number) {
  const tiny = await makeTinyHome();
  const variables: Record<string, string> = {
    NOREGRET_HOME: tiny.home,
    NOREGRET_GPU: "off",
    NOREGRET_LEASE: String(lease),
  };
  const configuration = readConfiguration((name) => variables[name]);
  const runs = await openRuns(configuration);
  const steps = { max_steps: 1_000_000, save_steps: 50, logging_steps: 50, eval_steps: 1_000_000 };
  const task = { ...tinySpec().task, num_epochs: 100_000 } as RunSpecInput["task"];
  const spec = parseRunSpec(tinySpec({ ...steps, task }));
  const { run } = await runs.store.create({ spec, specHash: specHash(spec), codeVersion: "test" });
  return {
    ...runs,
    id: run.id,
    configuration,
    types: async () => (await runs.store.events(run.id, 0, 100)).map(({ type }) => type),
    async [Symbol.asyncDispose]() {
      await runs[Symbol.asyncDispose]();
      await tiny[Symbol.asyncDispose]();
    },
  };
}

Deno.test("a run that is claimed while its worker is asked to end goes back at once", async () => {
  await using runs = await open(15);
  // The database's answer is on its way when the worker is told to end.
  const claimed = Promise.withResolvers<void>(), arrives = Promise.withResolvers<void>();
  const { queue, workers, configuration } = runs;
  const slow: RunQueue = {
    lease: queue.lease,
    async claim(...asked) {
      const claim = await queue.claim(...asked);
      claimed.resolve();
      await arrives.promise;
      return claim;
    },
    claimRun: (...asked) => queue.claimRun(...asked),
    heartbeat: (claim) => queue.heartbeat(claim),
    retry: (...asked) => queue.retry(...asked),
    release: (...asked) => queue.release(...asked),
  };
  const supervisor = new Supervisor({ queue: slow, workers, configuration, main: MAIN });
  supervisor.start();
  await claimed.promise;
  const stopped = supervisor.stop();
  arrives.resolve();
  await stopped;
  assert.equal((await runs.store.get(runs.id))!.status, "queued");
  assert.deepEqual(await runs.types(), ["queued", "started", "released"]);
});

Deno.test("a worker that stood still for longer than its lease keeps what nobody took", async () => {
  const lease = 2;
  await using runs = await open(lease);
  const { queue, workers, configuration } = runs;
  const supervisor = new Supervisor({ queue, workers, configuration, main: MAIN });
  supervisor.start();
  const newest = async () => {
    const [checkpoint] = await runs.store.lastEvents(runs.id, "checkpoint", 1);
    return (checkpoint?.data.step ?? 0) as number;
  };
  const moment = () => new Promise((resolve) => setTimeout(resolve, 10));
  try {
    await until("50 steps are safe", async () => await newest() >= 50);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500 * lease);
    for (const goal = await newest() + 400; await newest() < goal; await moment()) {
      const { status, attempts } = (await runs.store.get(runs.id))!;
      assert.deepEqual([status, attempts], ["running", 1]);
    }
  } finally {
    await supervisor.stop();
  }
});
