// Runs of a sweep that share a base, beside the same runs each alone.

import assert from "@std/assert";
import type { RunSpecInput } from "../../runs/spec/run_spec.ts";
import { makeTinyHome, tinySpec } from "../runs/tiny_home.ts";
import { Service } from "./service.ts";

async function start(service: Service, request: unknown): Promise<string> {
  const init = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(request),
  };
  return (await service.json("/v1/sweeps", init, 202)).id;
}

async function deviceEvents(service: Service, run: string) {
  return (await service.events(run)).filter(({ type }) => type === "device");
}

Deno.test("runs of a sweep that share a base have the curves that they have alone", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home, {
    NOREGRET_JOBS: "1",
    NOREGRET_THREADS: "2",
  });
  const list = [
    { "optimizer.learning_rate": 0.01 },
    { "optimizer.learning_rate": 1e30 },
    { "optimizer.learning_rate": 0.03, "method.r": 2, "method.lora_alpha": 8 },
    { "method.target_modules": ["q_proj", "down_proj"] },
    { "method": { kind: "full" } },
    { "batch_size": 2 },
  ];
  const request = { spec: tinySpec(), list };
  const alone = await service.sweep(await start(service, request));
  const shared = await service.sweep(await start(service, { ...request, shared_base: true }));
  const ids = shared.runs.map(({ run_id }: { run_id: string }) => run_id);
  for (const [i, { run_id, status }] of shared.runs.entries()) {
    const twin = alone.runs[i];
    assert.equal(status, i === 1 ? "failed" : "succeeded");
    assert.equal(twin.status, status);
    const [run, expected] = await Promise.all(
      [run_id, twin.run_id].map((id) => service.json(`/v1/runs/${id}`)),
    );
    assert.equal(run.error?.type, expected.error?.type);
    assert.equal(run.error?.step, expected.error?.step);
    assert.equal(run.result?.eval_nll, expected.result?.eval_nll);
    // What an attempt saw behind its divergence depends on when it was told.
    if (i !== 1) assert.deepEqual(await service.curve(run_id), await service.curve(twin.run_id));
    const [device] = await deviceEvents(service, run_id);
    const company = i < 4 ? ids.slice(0, 4).filter((id: string) => id !== run_id) : [];
    assert.deepEqual(device!.data.trains_with ?? [], company);
    if (i === 0) {
      const path = (id: string) => `/v1/runs/${id}/adapter/adapter_model.safetensors`;
      const [own, other] = await Promise.all(
        [run_id, twin.run_id].map(async (id) =>
          new Uint8Array(await (await fetch(service.url + path(id))).arrayBuffer())
        ),
      );
      assert.deepEqual(own, other);
    }
  }
});

Deno.test("runs that share a base go on from their checkpoints when their process is killed", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home, {
    NOREGRET_JOBS: "1",
    NOREGRET_LEASE: "2",
  });
  const spec: RunSpecInput = tinySpec({ max_steps: 300, save_steps: 30, eval_steps: 100 });
  const grid = { "optimizer.learning_rate": [1e-3, 3e-3, 1e-2] };
  const id = await start(service, { spec, grid, shared_base: true });
  const { runs } = await service.json(`/v1/sweeps/${id}`);
  const [first, second, third] = runs.map(({ run_id }: { run_id: string }) => run_id);
  await service.json(`/v1/runs/${third}/cancel`, { method: "POST" }, 202);
  const events = await service.events(second, 0, ({ type }) => type === "checkpoint");
  Deno.kill(events.find(({ type }) => type === "device")!.data.pid, "SIGKILL");
  const sweep = await service.sweep(id);
  assert.deepEqual(
    sweep.runs.map(({ status }: { status: string }) => status),
    ["succeeded", "succeeded", "cancelled"],
  );
  // Both went back at once, and since then neither can take the other with it.
  for (const run of [first, second]) {
    const retried = (await service.events(run)).filter(({ type }) => type === "retry");
    assert.deepEqual(retried.map(({ data }) => data.error.type), ["Killed"]);
    const company = (await deviceEvents(service, run)).map(({ data }) => data.trains_with ?? []);
    assert.deepEqual(company.map(({ length }) => length > 0), [true, false]);
  }
  const alone = await service.sweep(
    await start(service, {
      spec,
      grid: {
        "optimizer.learning_rate": [1e-3, 3e-3],
      },
    }),
  );
  for (const [i, run] of [first, second].entries()) {
    assert.deepEqual(await service.curve(run), await service.curve(alone.runs[i].run_id));
  }
});
