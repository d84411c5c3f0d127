// Which of several workers on one data folder takes which run.

import assert from "@std/assert";
import { makeTinyHome, TINY_CONFIG, tinySpec, tinyWeights } from "../runs/tiny_home.ts";
import type { RunSpecInput } from "../../runs/spec/run_spec.ts";
import { HubServer } from "../support/hub_server.ts";
import { noPostgres, startPostgres } from "../support/postgres.ts";
import { Service } from "./service.ts";

/** So many share the memory of this machine that none has room for {@linkcode LARGE}. */
const MANY = 64;
/** 1.7 GB of activations: rows of many epochs in a step. */
const LARGE = {
  batch_size: 32_768,
  max_steps: 1,
  task: { ...tinySpec().task, num_epochs: 10_000 } as RunSpecInput["task"],
};

const isStart = ({ type }: { type: string }) => type === "started";

Deno.test("a run waits for a device that can hold it and lets others pass", async () => {
  await using tiny = await makeTinyHome();
  const env = { NOREGRET_GPU: "off" };
  await using service = await Service.start(tiny.home, { ...env, NOREGRET_JOBS: String(MANY) });
  const cancel = { method: "POST" };
  const large = await service.post(tinySpec(LARGE));
  // Two at once, each on a device of its own.
  const spec = tinySpec({ max_steps: 1e6, save_steps: 1e6, eval_steps: 1e6 });
  const small = [await service.post(spec), await service.post({ ...spec, seed: 1 })];
  for (const id of small) {
    assert.equal((await service.events(id, 0, isStart)).at(-1)!.type, "started");
  }
  const { workers } = await service.json("/v1/workers");
  assert.equal(workers.length, 1);
  assert.equal(workers[0].devices.length, MANY);
  assert.deepEqual(workers[0].run_ids.toSorted(), small.toSorted());
  for (const id of small) await service.json(`/v1/runs/${id}/cancel`, cancel, 202);

  const waits = await service.json(`/v1/runs/${large}`);
  assert.equal(waits.status, "queued");
  assert.match(waits.waiting_for, /^a worker with a device of 1\.\d+ GB: the largest has /);
  const gpu = await service.post(tinySpec({ backend: "webgpu" }));
  assert.match((await service.json(`/v1/runs/${gpu}`)).waiting_for, /backend "webgpu"/);

  const other = Service.startWorker(tiny.home, env);
  try {
    const [, started] = await service.events(large, 0, isStart);
    assert.match(started!.data.worker, new RegExp(`:${other.pid}$`));
    assert.equal((await service.json(`/v1/runs/${large}`)).waiting_for, undefined);
    await service.json(`/v1/runs/${large}/cancel`, cancel, 202);
    assert.equal((await service.json("/readyz")).workers, 2);
  } finally {
    other.kill("SIGTERM");
    await other.status;
  }
  assert.equal((await service.json("/readyz")).workers, 1);
  const gone = (await service.json("/v1/workers")).workers.at(-1);
  assert.deepEqual([gone.pid, gone.status, gone.run_ids], [other.pid, "gone", []]);
});

const NAME = "a run whose model turns out too large for a worker goes back, with its size";

Deno.test({
  name: noPostgres ? `postgres: skipped, ${noPostgres}: ${NAME}` : `postgres: ${NAME}`,
  ignore: noPostgres !== undefined,
  async fn() {
    await using postgres = await startPostgres();
    await using tiny = await makeTinyHome();
    await using hub = new HubServer({
      "models/lab/tiny": {
        "config.json": JSON.stringify(TINY_CONFIG),
        "model.safetensors": await tinyWeights(),
      },
    });
    await using service = await Service.start(tiny.home, {
      DATABASE_URL: await postgres.createDatabase(),
      HF_ENDPOINT: hub.endpoint,
      NOREGRET_GPU: "off",
      NOREGRET_JOBS: String(MANY),
    });
    const id = await service.post(
      tinySpec({ ...LARGE, model: "lab/tiny" }),
    );
    assert.deepEqual((await service.json(`/v1/runs/${id}`)).needs_bytes, {
      cpu: null,
      webgpu: null,
    });
    const events = await service.events(id, 0, ({ type }) => type === "retry");
    assert.equal(events.at(-1)!.data.error.type, "DoesNotFit");
    assert.match(events.at(-1)!.data.error.message, /even with|it would fit with/);
    const run = await service.json(`/v1/runs/${id}`);
    assert.equal(run.status, "queued");
    assert(run.needs_bytes.cpu > 1e9, JSON.stringify(run.needs_bytes));
    assert.match(run.waiting_for, /^a worker with a device of 1\.\d+ GB/);
    // It is not tried again when another is taken, and no weights came for it.
    assert.equal((await service.events(await service.post(tinySpec()))).at(-1)!.type, "succeeded");
    assert.equal((await service.json(`/v1/runs/${id}`)).attempts, 1);
    assert(!hub.seen.some(({ path }) => path.endsWith(".safetensors")));
  },
});
