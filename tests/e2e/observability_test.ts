// What operators see: metrics, log lines, readiness.

import assert from "@std/assert";
import { fileURLToPath } from "node:url";
import { healthRoutes } from "../../routes/health.ts";
import { newApiKey } from "../../runs/api_keys.ts";
import { localArtifacts } from "../../runs/artifacts/local_artifacts.ts";
import { Proxy } from "../chaos/proxy.ts";
import { makeApp } from "../routes/make_app.ts";
import { noPostgres, startPostgres } from "../support/postgres.ts";
import { makeTinyHome, tinySpec } from "../runs/tiny_home.ts";
import { until } from "../support/until.ts";
import { Service } from "./service.ts";
import { freePort } from "../support/free_port.ts";

/** The value of a series; undefined if there is none. */
function valueOf(text: string, series: string): number | undefined {
  const line = text.split("\n").find((line) => line.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

Deno.test("/metrics counts runs, steps, tokens and requests", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home);
  const id = await service.post(tinySpec({ max_steps: 1e6, save_steps: 1e6, eval_steps: 1e6 }));
  const metrics = async () => await (await fetch(`${service.url}/metrics`)).text();
  const counted = "noregret_step_seconds_count", bytes = `noregret_device_bytes{run="${id}"}`;
  const during = await until("steps are counted", async () => {
    const text = await metrics();
    return valueOf(text, counted)! > 100 && text;
  });
  assert.equal(valueOf(during, 'noregret_runs{status="running"}'), 1);
  assert(valueOf(during, bytes)! > 1000, during);
  assert(valueOf(during, `noregret_tokens_per_second{run="${id}"}`)! > 0);

  await service.json(`/v1/runs/${id}/cancel`, { method: "POST" }, 202);
  await service.events(id);
  // The job's last words may come after its last event.
  const after = await until("the job is forgotten", async () => {
    const text = await metrics();
    return valueOf(text, bytes) === undefined && text;
  });
  assert.equal(valueOf(after, 'noregret_runs{status="cancelled"}'), 1);
  const { progress } = await service.json(`/v1/runs/${id}`);
  assert(valueOf(after, counted)! <= progress.step, after);
  const tokens = valueOf(after, "noregret_trained_tokens_total")!;
  assert(tokens > 1000 && tokens <= progress.tokens, after);
  const posts = 'noregret_http_request_seconds_count{method="POST",route="/v1/runs",status="202"}';
  assert.equal(valueOf(after, posts), 1);
});

Deno.test("log lines are JSON with the run's id, and hold no secret", async () => {
  await using tiny = await makeTinyHome();
  const { key, entry } = newApiKey("run");
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      fileURLToPath(new URL("../../main.ts", import.meta.url)),
      "serve",
    ],
    env: {
      NOREGRET_HOME: tiny.home,
      PORT: "0",
      NOREGRET_LOG: "json",
      NOREGRET_THREADS: "1",
      NOREGRET_API_KEYS: entry,
      HF_TOKEN: "hf_secret",
    },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const first = await process.stdout.getReader().read();
  const url = /http:\S+/.exec(new TextDecoder().decode(first.value))![0];
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
  const posted = await fetch(`${url}/v1/runs`, {
    method: "POST",
    headers,
    body: JSON.stringify(tinySpec()),
  });
  const { id } = await posted.json();
  await (await fetch(`${url}/v1/runs/${id}/events`, { headers })).text();
  process.kill("SIGTERM");
  const text = await new Response(process.stderr).text();
  await process.status;
  // A graphics driver may add lines of its own.
  const lines = text.split("\n").filter((line) => line.startsWith("{")).map((line) =>
    JSON.parse(line)
  );
  const own = lines.filter(({ run }) => run === id).map(({ message }) => message);
  assert.deepEqual(own, ["A run starts", "The process of a run has ended"]);
  for (const secret of [key, "hf_secret"]) assert(!text.includes(secret));
});

interface Span {
  readonly traceId: string;
  readonly parentSpanId: string;
  readonly attributes: readonly {
    readonly key: string;
    readonly value: { stringValue?: string };
  }[];
}

Deno.test("a collector gets the traces of requests and the log lines through Deno's exporter", async () => {
  await using tiny = await makeTinyHome();
  const spans: Span[] = [], lines: string[] = [];
  let arrived = Promise.withResolvers<void>();
  await using collector = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const sent = await request.json();
      for (const { scopeSpans } of sent.resourceSpans ?? []) {
        for (const scope of scopeSpans) spans.push(...scope.spans);
      }
      for (const { scopeLogs } of sent.resourceLogs ?? []) {
        for (const { logRecords } of scopeLogs) {
          lines.push(
            ...logRecords.map((one: { body: { stringValue: string } }) => one.body.stringValue),
          );
        }
      }
      arrived.resolve();
      return Response.json({});
    },
  );
  await using service = await Service.start(tiny.home, {
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.addr as Deno.NetAddr).port}`,
    OTEL_BSP_SCHEDULE_DELAY: "100",
    OTEL_BLRP_SCHEDULE_DELAY: "100",
    NOREGRET_LOG: "json",
  }, ["start", "serve"]);
  const traceId = "0af7651916cd43dd8448eb211c80319c", parent = "b7ad6b7169203331";
  const headers = { traceparent: `00-${traceId}-${parent}-01` };
  await service.json("/v1/runs?limit=3", { headers });
  const id = await service.post(tinySpec());
  await service.events(id);
  const found = () => spans.find((span) => span.traceId === traceId);
  while (!found() || !lines.some((line) => line.includes(id))) {
    await arrived.promise;
    arrived = Promise.withResolvers();
  }
  const { parentSpanId, attributes } = found()!;
  assert.equal(parentSpanId, parent);
  const told = Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]));
  assert.equal(told["http.request.method"], "GET");
  assert.equal(told["url.path"], "/v1/runs");
  assert.equal(told["http.response.status_code"], "200");
  const line = JSON.parse(lines.find((line) => line.includes(id))!);
  assert.deepEqual([line.message, line.run], ["A run starts", id]);
});

Deno.test("/readyz says what is not ready", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home);
  const id = await service.post(tinySpec());
  await service.events(id);
  assert.deepEqual(await service.json("/readyz"), { status: "ok", workers: 1 });
  const away = `${tiny.home}.away`;
  await Deno.rename(tiny.home, away);
  try {
    const { detail } = await service.json("/readyz", {}, 503);
    assert.match(detail, /the data folder cannot be used/);
  } finally {
    await Deno.rename(away, tiny.home);
  }
});

Deno.test({
  name: noPostgres
    ? `postgres: skipped, ${noPostgres}: /readyz does not wait for a database that does not answer`
    : "postgres: /readyz does not wait for a database that does not answer",
  ignore: noPostgres !== undefined,
  async fn() {
    await using server = await startPostgres();
    const { proxy, url } = Proxy.before(await server.createDatabase());
    await using _wire = proxy;
    await using service = await makeApp({}, url);
    const { store, workers, home } = service;
    const routes = healthRoutes({ store, workers, home, artifacts: localArtifacts(home) }, 200);
    proxy.stall();
    const query = store.list({ limit: 1 }).then(() => "the query", () => "the query");
    const ready = Promise.resolve(routes.request("/readyz"));
    const first = await Promise.race([query, ready.then(() => "/readyz")]);
    assert.equal(first, "/readyz");
    const answer = await ready;
    assert.equal(answer.status, 503);
    assert.match(await answer.text(), /the store cannot be used/);
    proxy.flow();
    await query;
    while (!(await service.app.request("/readyz")).ok);
  },
});

Deno.test({
  name: noPostgres
    ? `postgres: skipped, ${noPostgres}: a worker lives on without its database, and says so`
    : "postgres: a worker lives on without its database, and says so",
  ignore: noPostgres !== undefined,
  async fn() {
    await using tiny = await makeTinyHome();
    await using server = await startPostgres();
    const { proxy, url } = Proxy.before(await server.createDatabase());
    await using _wire = proxy;
    const port = freePort();
    const worker = Service.startWorker(tiny.home, {
      DATABASE_URL: url,
      NOREGRET_METRICS_PORT: String(port),
    });
    try {
      const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
      let ended = false;
      void worker.status.then(() => ended = true);
      const told = () => ask("/metrics").then((answer) => answer.text(), () => "");
      await until("the worker tells its metrics", async () => {
        assert(!ended, "the worker ended");
        return (await told()).includes("noregret_");
      });
      await proxy[Symbol.asyncDispose]();
      const metrics = await ask("/metrics");
      assert.equal(metrics.status, 503, await metrics.text());
      assert.deepEqual(await (await ask("/healthz")).json(), { status: "ok" });
    } finally {
      worker.kill("SIGTERM");
      await worker.status;
    }
  },
});
