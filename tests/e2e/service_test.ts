// The whole of it: HTTP, store, queue, a process for each run, the cpu backend. Nothing is replaced.

import assert from "@std/assert";
import { fileURLToPath } from "node:url";
import { makeTinyHome, tinyIds, tinySpec } from "../runs/tiny_home.ts";
import { until } from "../support/until.ts";
import { Service } from "./service.ts";

Deno.test("a run goes from POST to an adapter, with every event once and in order", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home);
  const id = await service.post(tinySpec());
  const events = await service.events(id);
  assert.deepEqual(events.map((event) => event.id), events.map((_, index) => index + 1));
  assert.equal(events.at(-1)!.type, "succeeded");

  const run = await service.json(`/v1/runs/${id}`);
  assert.equal(run.status, "succeeded");
  assert.equal(run.backend, "cpu");
  assert.equal(run.result.steps, 20);
  assert(run.result.eval_nll < run.result.initial_eval_nll - 0.1, JSON.stringify(run.result));

  const curve = await service.curve(id) as { step: number; train_nll?: number }[];
  assert.deepEqual(curve.map(({ step }) => step), Array.from({ length: 21 }, (_, step) => step));
  const seen = events.filter(({ type }) => type === "step");
  assert.deepEqual(
    seen.map(({ data }) => data.train_nll),
    curve.slice(1).map(({ train_nll }) => train_nll),
  );

  const { checkpoints } = await service.json(`/v1/runs/${id}/checkpoints`);
  assert.deepEqual(checkpoints.map(({ step }: { step: number }) => step), [10, 15, 20]);
  const adapter = await service.json(`/v1/runs/${id}/adapter/adapter_config.json`);
  assert.equal(adapter.r, 4);
  const weights = await fetch(`${service.url}/v1/runs/${id}/adapter/adapter_model.safetensors`);
  assert.equal(weights.status, 200);
  assert((await weights.bytes()).length > 2048 * 4);

  // Whoever asks only for a file's size leaves no file open.
  const open = () => Array.from(Deno.readDirSync(`/proc/${service.process.pid}/fd`)).length;
  const head = async () => {
    const answer = await fetch(weights.url, { method: "HEAD" });
    assert.equal(answer.headers.get("Content-Length"), weights.headers.get("Content-Length"));
  };
  if (Deno.build.os === "linux") {
    await head();
    const before = open();
    for (let i = 0; i < 20; i++) await head();
    assert(open() <= before + 5, `${open()} files are open, ${before} were`);
  }

  // Adapters of finished runs can be gone on from.
  const next = await service.post(
    tinySpec({ method: { kind: "lora", r: 4, init_from: id }, max_steps: 2 }),
  );
  await service.events(next);
  const { result } = await service.json(`/v1/runs/${next}`);
  assert.equal(result.initial_eval_nll, run.result.eval_nll);
});

Deno.test("an event stream that is cut and resumed has no gap and no repetition", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home);
  const id = await service.post(tinySpec({ max_steps: 60 }));
  const received: number[] = [];
  for (let last = 0;;) {
    const upTo = last + 7;
    const part = await service.events(id, last, (event) => event.id >= upTo);
    if (part.length === 0) break;
    received.push(...part.map((event) => event.id));
    last = received.at(-1)!;
  }
  assert.deepEqual(received, received.map((_, index) => index + 1));
  assert.deepEqual((await service.events(id)).map((event) => event.id), received);
});

Deno.test("the service answers while a run trains, and a cancelled run stops", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home);
  const id = await service.post(tinySpec({ max_steps: 100_000, save_steps: 100_000 }));
  const waiting = await service.post(tinySpec());
  await service.events(id, 0, ({ type }) => type === "step");

  const { progress: first } = await service.json(`/v1/runs/${id}`);
  await until("the run has gone on", async () => {
    const { progress } = await service.json(`/v1/runs/${id}`);
    return progress.step > first.step;
  });

  await service.json(`/v1/runs/${waiting}/cancel`, { method: "POST" }, 202);
  assert.equal((await service.json(`/v1/runs/${waiting}`)).status, "cancelled");
  await service.json(`/v1/runs/${id}/cancel`, { method: "POST" }, 202);
  const end = (await service.events(id)).at(-1)!;
  assert.equal(end.type, "cancelled");
  assert.equal((await service.json(`/v1/runs/${id}`)).status, "cancelled");
});

Deno.test("the service does not listen to everyone without keys", async () => {
  await using tiny = await makeTinyHome();
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      fileURLToPath(new URL("../../main.ts", import.meta.url)),
      "serve",
    ],
    env: { NOREGRET_HOME: tiny.home, PORT: "0", HOST: "0.0.0.0" },
    stdout: "null",
  }).output();
  assert.equal(code, 2);
  assert.match(new TextDecoder().decode(stderr), /expected NOREGRET_API_KEYS to be set/);
});

Deno.test("a run that diverges fails with its step, its norm and the last good checkpoint", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home);
  const id = await service.post(tinySpec({
    method: { kind: "full" },
    optimizer: { learning_rate: 10, max_grad_norm: 0, weight_decay: 1 },
    task: {
      kind: "sft",
      dataset: { inline: { input_ids: tinyIds(8, 16) } },
      max_length: 16,
      num_epochs: 1000,
    },
    max_steps: 1500,
    save_steps: 1,
  }));
  await service.events(id);
  const run = await service.json(`/v1/runs/${id}`);
  assert.equal(run.status, "failed", JSON.stringify(run.result));
  assert.equal(run.error.type, "DivergedError");
  assert(run.error.step >= 1);
  assert.match(run.error.grad_norm, /^(NaN|Infinity|[\d.e+-]+)$/);
  assert.equal(run.attempts, 1);
});

Deno.test("a checkpoint whose weights give no finite loss is not the last good one, nor is it served", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home);
  const id = await service.post(tinySpec({
    optimizer: { learning_rate: 1e30 },
    save_steps: 1,
    eval_steps: 1000,
  }));
  await service.events(id);
  const run = await service.json(`/v1/runs/${id}`);
  assert.equal(run.error.type, "DivergedError", JSON.stringify(run));
  const { checkpoints } = await service.json(`/v1/runs/${id}/checkpoints`);
  assert.equal(checkpoints.at(-1).step, run.error.step - 1);
  assert.notEqual(run.error.last_checkpoint_step, run.error.step - 1);
  if (run.error.step === 2) {
    await service.json(`/v1/runs/${id}/adapter/adapter_config.json`, {}, 404);
  }
});

Deno.test("a held-out loss that is no number fails the run", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home);
  const id = await service.post(tinySpec({
    optimizer: { learning_rate: 1e30 },
    max_steps: 1,
    eval_steps: 1,
  }));
  const events = await service.events(id);
  assert.deepEqual(events.filter(({ type }) => type === "eval").map(({ data }) => data.step), [0]);
  const { status, error } = await service.json(`/v1/runs/${id}`);
  assert.equal(status, "failed");
  assert.equal(error.type, "DivergedError");
  assert.equal(error.step, 1);
  assert(Number.isFinite(Number(error.grad_norm)));
});
