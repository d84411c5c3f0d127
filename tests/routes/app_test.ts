// The routes without a port: requests in, answers out, a real store behind them and no worker.

import assert from "@std/assert";
import { tinySpec } from "../runs/tiny_home.ts";
import { parquetReadObjects } from "hyparquet";
import { makeApp, problemOf } from "./make_app.ts";

Deno.test("POST /v1/runs stores the run, says where it is and wakes the worker", async () => {
  await using service = await makeApp();
  const response = await service.post("/v1/runs", tinySpec());
  assert.equal(response.status, 202);
  const run = await response.json();
  assert.equal(response.headers.get("Location"), `/v1/runs/${run.id}`);
  assert.equal(run.status, "queued");
  assert.equal(service.woken(), 1);
  const again = await service.app.request(`/v1/runs/${run.id}`);
  assert.deepEqual(await again.json(), run);
});

Deno.test("POST /v1/runs honours Idempotency-Key", async () => {
  await using service = await makeApp();
  const key = { "Idempotency-Key": "k1" };
  const first = await (await service.post("/v1/runs", tinySpec(), key)).json();
  const again = await (await service.post("/v1/runs", tinySpec(), key)).json();
  assert.equal(again.id, first.id);
  await problemOf(service.post("/v1/runs", tinySpec({ seed: 1 }), key), 409);
  assert.equal((await service.store.list({ limit: 10 })).length, 1);
});

Deno.test("POST /v1/runs rejects bad specs, names each field, and stores nothing", async () => {
  await using service = await makeApp();
  const spec = tinySpec();
  const cases: [unknown, string[]][] = [
    [{ ...spec, modl: "x" }, ["/modl"]],
    [{ ...spec, model: "gone", method: { kind: "lora", r: 0 } }, ["/method/r"]],
    [{ ...spec, model: "gone" }, ["/model"]],
    [{ ...spec, method: { kind: "lora", r: 1, target_modules: ["x_proj"] } }, [
      "/method/target_modules/0",
    ]],
    [{ ...spec, task: { ...spec.task, dataset: "gone", max_length: 64 } }, [
      "/task/dataset",
      "/task/max_length",
    ]],
    [[], [""]],
    ["null", [""]],
  ];
  for (const [body, paths] of cases) {
    const problem = await problemOf(service.post("/v1/runs", body), 422);
    const found = problem.errors.map(({ path }: { path: string }) => path).sort();
    assert.deepEqual(found, paths, JSON.stringify(problem));
  }
  assert.deepEqual(await service.store.list({ limit: 10 }), []);
});

Deno.test("bodies that cannot be read are refused before they are looked at", async () => {
  await using service = await makeApp();
  await problemOf(service.post("/v1/runs", '{"model": '), 400);
  await problemOf(service.post("/v1/runs", "x".repeat(64 * 1024 + 1)), 413);
  await problemOf(service.post("/v1/runs", "a=b", { "Content-Type": "text/plain" }), 415);
  await problemOf(service.post("/v1/runs", "{}", { "Content-Type": "Application/JSON" }), 422);
  const untyped = new Request("http://localhost/v1/runs", {
    method: "POST",
    headers: { "Content-Length": "2" },
    body: new Blob(["{}"]).stream(),
  });
  const { detail } = await problemOf(service.app.request(untyped), 415);
  assert.match(detail, /it has no Content-Type, expected "application\/json"/);
});

Deno.test("unknown runs, pages and methods are problems too", async () => {
  await using service = await makeApp();
  for (
    const path of [
      "/v1/runs/gone",
      "/v1/runs/gone/events",
      "/v1/runs/gone/metrics",
      "/v1/runs/gone/checkpoints",
      "/v1/runs/gone/adapter/adapter_config.json",
      "/v1/figures/9",
      "/nowhere",
    ]
  ) await problemOf(service.app.request(path), 404);
  const notDrawn = await problemOf(service.app.request("/v1/figures/capacity.svg"), 404);
  assert.match(notDrawn.detail, /POST \/v1\/figures\/capacity first/);
  await problemOf(service.app.request("/v1/figures/capacities"), 422);
  await problemOf(service.post("/v1/runs/gone/cancel", ""), 404);
  await problemOf(service.app.request("/v1/runs/gone/adapter/..%2F..%2Fruns.db"), 422);
  await problemOf(service.app.request("/v1/runs/%00"), 400);
  for (
    const [method, path, allowed] of [
      ["DELETE", "/v1/runs", "GET, POST"],
      ["OPTIONS", "/v1/runs/gone/cancel", "POST"],
      ["PUT", "/metrics", "GET"],
      ["POST", "/", "GET"],
    ] as const
  ) {
    const answer = await service.app.request(path, { method });
    assert.equal(answer.headers.get("Allow"), allowed);
    await problemOf(answer, 405);
  }
  const { errors } = await problemOf(service.app.request("/v1/runs?limit=0&stat=x"), 422);
  assert.deepEqual(errors.map(({ path }: { path: string }) => path), ["/limit", "/stat"]);
});

Deno.test("GET /v1/runs pages through all runs, each once", async () => {
  await using service = await makeApp();
  for (let seed = 0; seed < 5; seed++) await service.post("/v1/runs", tinySpec({ seed }));
  const seen: number[] = [];
  let cursor = "";
  do {
    const page = await (await service.app.request(`/v1/runs?limit=2${cursor}`)).json();
    seen.push(...page.runs.map(({ spec }: { spec: { seed: number } }) => spec.seed));
    cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : "";
  } while (cursor !== "");
  assert.deepEqual(seen.toSorted(), [0, 1, 2, 3, 4]);
});

Deno.test("GET /v1/runs/{id}/metrics answers json, csv or jsonl", async () => {
  await using service = await makeApp();
  const { id } = await (await service.post("/v1/runs", tinySpec())).json();
  const claim = (await service.queue.claim("test"))!;
  const points = [{ step: 1, tokens: 60, train_nll: 2.5 }, { step: 2, eval_nll: 2.25 }];
  await service.store.report(claim, { points });
  const get = async (query: string, accept = "*/*") => {
    const response = await service.app.request(`/v1/runs/${id}/metrics${query}`, {
      headers: { Accept: accept },
    });
    assert.equal(response.status, 200);
    return await response.text();
  };
  assert.deepEqual(JSON.parse(await get("")), { run_id: id, points });
  const csv = await get("?format=csv");
  assert.equal(csv, await get("", "text/csv"));
  assert.equal(csv, "step,tokens,train_nll,eval_nll\n1,60,2.5,\n2,,,2.25\n");
  const parquet = await service.app.request(`/v1/runs/${id}/metrics?format=parquet`);
  assert.deepEqual(
    await parquetReadObjects({ file: await parquet.arrayBuffer() }),
    [
      { step: 1n, tokens: 60n, train_nll: 2.5, eval_nll: null },
      { step: 2n, tokens: null, train_nll: null, eval_nll: 2.25 },
    ],
  );
  const lines = await get("", "application/jsonl");
  assert.deepEqual(lines.trim().split("\n").map((line) => JSON.parse(line)), points);
});

Deno.test("POST /v1/runs/{id}/cancel ends a queued run, and its events say so", async () => {
  await using service = await makeApp();
  const { id } = await (await service.post("/v1/runs", tinySpec())).json();
  const response = await service.post(`/v1/runs/${id}/cancel`, "");
  assert.equal(response.status, 202);
  assert.equal((await response.json()).status, "cancelled");
  const stream = await service.app.request(`/v1/runs/${id}/events`);
  assert.match(stream.headers.get("Content-Type")!, /^text\/event-stream/);
  const text = await stream.text();
  assert.match(text, /event: queued\ndata: {}\nid: 1\n\nevent: cancelled\ndata: {}\nid: 2\n\n$/);
  const rest = await service.app.request(`/v1/runs/${id}/events`, {
    headers: { "Last-Event-ID": "2" },
  });
  assert.equal(rest.status, 204);
  assert.equal(await service.queue.claim("test"), undefined);
});

Deno.test("an event stream ends with its run, however many events it has to send at once", async () => {
  await using service = await makeApp();
  const { id } = await (await service.post("/v1/runs", tinySpec())).json();
  const claim = (await service.queue.claim("test"))!;
  // With queued, started and cancelled these are 500, one whole page of the store.
  const events = Array.from({ length: 497 }, (_, step) => ({ type: "step", data: { step } }));
  await service.store.report(claim, { events });
  await service.store.finish(claim, { status: "cancelled" });
  const text = await (await service.app.request(`/v1/runs/${id}/events`)).text();
  assert.match(text, /event: cancelled\ndata: {}\nid: 500\n\n$/);
});

Deno.test("an event stream does not wait behind a number that the run has not reached", async () => {
  await using service = await makeApp();
  const { id } = await (await service.post("/v1/runs", tinySpec())).json();
  const path = `/v1/runs/${id}/events`;
  const answer = service.app.request(path, { headers: { "Last-Event-ID": "2" } });
  assert.match((await problemOf(answer, 422)).detail, /no event 2/);
});

Deno.test("/openapi.json describes every route, with the spec's defaults and bounds", async () => {
  await using service = await makeApp();
  const document = await (await service.app.request("/openapi.json")).json();
  for (
    const path of [
      "/v1/runs",
      "/v1/runs/{id}",
      "/v1/runs/{id}/cancel",
      "/v1/runs/{id}/events",
      "/v1/runs/{id}/metrics",
      "/v1/runs/{id}/checkpoints",
      "/v1/runs/{id}/adapter/{file}",
      "/v1/figures/{n}",
      "/v1/figures/{file}",
      "/v1/capacity",
      "/v1/tokenize",
      "/v1/models",
      "/v1/datasets",
      "/healthz",
      "/readyz",
    ]
  ) assert(path in document.paths, path);
  const { LoraMethod, Optimizer } = document.components.schemas;
  assert.equal(LoraMethod.properties.r.maximum, 512);
  assert.equal(LoraMethod.properties.lora_alpha.default, 32);
  assert.equal(LoraMethod.additionalProperties, false);
  assert.equal(Optimizer.properties.learning_rate.default, 3e-4);
});

Deno.test("/docs loads nothing from another host", async () => {
  await using service = await makeApp();
  const page = await (await service.app.request("/docs")).text();
  const sources = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
  assert.equal(sources.length, 3);
  for (const source of sources) {
    assert.match(source, /^\/docs\//);
    const response = await service.app.request(source);
    assert.equal(response.status, 200);
    assert((await response.text()).length > 50);
  }
});

Deno.test("/healthz and /readyz answer ok; without its store the service lives but is not ready", async () => {
  await using service = await makeApp();
  const ask = async (path: string) => {
    const response = await service.app.request(path);
    assert.equal(response.status, 200);
    return await response.json();
  };
  assert.deepEqual(await ask("/healthz"), { status: "ok" });
  const warning = "No worker is alive: runs wait in the queue";
  assert.deepEqual(await ask("/readyz"), { status: "ok", workers: 0, warning });
  await service.closeStore();
  assert.equal((await service.app.request("/healthz")).status, 200);
  await problemOf(service.app.request("/readyz"), 503);
});

Deno.test("GET /v1/models and /v1/datasets list what a spec may name", async () => {
  await using service = await makeApp();
  const { models } = await (await service.app.request("/v1/models")).json();
  const tiny = models.find(({ name }: { name: string }) => name === "tiny");
  assert.equal(tiny.parameters, 5712);
  assert.equal(tiny.shipped, false);
  const { datasets } = await (await service.app.request("/v1/datasets")).json();
  const names = datasets.map(({ name }: { name: string }) => name);
  assert(names.includes("stdlib/moby-dick"));
});

Deno.test("a queued run says what it waits for while no worker could take it", async () => {
  await using service = await makeApp();
  const ask = async (path: string) => await (await service.app.request(path)).json();
  const posted = await (await service.post("/v1/runs", tinySpec({ backend: "webgpu" }))).json();
  assert.equal(posted.waiting_for, "a worker: none is alive");
  assert.equal(posted.needs_bytes.cpu, null);
  assert(posted.needs_bytes.webgpu > 10_000);
  const register = (backend: "cpu" | "webgpu", memory_bytes: number) =>
    service.workers.register({
      host: backend,
      pid: 1,
      version: "0.1.0",
      devices: [{ name: "Some device", backend, takes_auto: true, memory_bytes, limits: {} }],
    });
  await register("cpu", 1e9);
  const waiting = 'a worker with backend "webgpu": none that is alive has it';
  assert.equal((await ask(`/v1/runs/${posted.id}`)).waiting_for, waiting);
  assert.equal((await ask("/v1/runs")).runs[0].waiting_for, waiting);
  const page = await (await service.app.request(`/runs/${posted.id}`)).text();
  assert.match(page, /Waits for a worker with backend/);
  const metrics = await (await service.app.request("/metrics")).text();
  assert.match(metrics, /^noregret_runs_without_device 1$/m);
  assert.match(metrics, /^noregret_workers\{status="ready"\} 1$/m);
  await register("webgpu", 1e9);
  assert.equal((await ask(`/v1/runs/${posted.id}`)).waiting_for, null);
  const { workers } = await ask("/v1/workers");
  assert.deepEqual(workers.map(({ id }: { id: string }) => id), ["cpu:1", "webgpu:1"]);
  assert.match(await (await service.app.request("/device")).text(), /webgpu: Some device/);
});
