// Nonsense at every route of the API document and every page: whatever is sent, the answer is never an error of ours.

import assert from "@std/assert";
import fc from "fast-check";
import { tinySpec } from "../runs/tiny_home.ts";
import { noPostgres, startPostgres } from "../support/postgres.ts";
import { makeApp, routesOf } from "./make_app.ts";

type Service = Awaited<ReturnType<typeof makeApp>>;
type Route = ReturnType<typeof routesOf>[number];

/** Routes whose answers come out of the database. */
const STORED = /^\/$|\/(runs|sweeps|compare|figures|launch)\b/;

const VALID = [
  tinySpec(),
  { spec: tinySpec(), grid: { seed: [1, 2] } },
  { items: [{ gold: "1/2", prediction: "0.5" }] },
  { model: "noregret/tiny", texts: ["Call me Ishmael."] },
  { model: "meta-llama/Llama-3.1-8B", dataset: { examples: 1, tokens_per_example: 1 } },
  { preset: "smoke" },
];

const junk = fc.jsonValue({ maxDepth: 4 });
const body = fc.oneof(
  junk,
  // A valid body with one of its values, at any depth, replaced.
  fc.tuple(fc.constantFrom(...VALID), fc.array(fc.nat(20), { maxLength: 4 }), junk)
    .map(([valid, path, value]) => replaced(valid, path, value)),
);
const raw = fc.oneof(
  body.map((value) => JSON.stringify(value)),
  fc.string({ maxLength: 50 }),
  fc.constant('{"a":'.repeat(2000)),
);
const segment = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.constantFrom(
    "..",
    "%2e%2e%2f",
    "\u0000",
    "1",
    "x".repeat(500),
    "constructor",
  ),
);

function replaced(value: unknown, [at, ...rest]: number[], by: unknown): unknown {
  if (at === undefined || typeof value !== "object" || value === null) return by;
  const keys = Object.keys(value);
  if (keys.length === 0) return by;
  const key = keys[at % keys.length]!;
  const inner = replaced((value as Record<string, unknown>)[key], rest, by);
  return Array.isArray(value)
    ? value.map((each, index) => String(index) === key ? inner : each)
    : { ...value, [key]: inner };
}

const form = fc.dictionary(
  fc.oneof(
    fc.string({ maxLength: 10 }),
    fc.constantFrom("preset", "model", "vary", "task.kind", "method[lora].r", "__proto__"),
  ),
  fc.oneof(fc.string({ maxLength: 10 }), fc.constantFrom("smoke", "1", "sft", "toString")),
  { maxKeys: 4 },
).map((fields) => String(new URLSearchParams(fields)));
const words = fc.oneof(fc.string({ maxLength: 10 }), fc.constantFrom("\u0000", "1e999", "tiny"));
const query = fc.dictionary(
  fc.oneof(
    fc.string({ maxLength: 10 }),
    fc.constantFrom("model", "status", "cursor", "limit", "ids", "from", "dataset", "text", "r"),
  ),
  words,
  { maxKeys: 2 },
);
const eventNumber = fc.oneof(fc.nat().map(String), fc.constantFrom("", "999999999999999", "-1"));

/** Sends nonsense to one route, always the same. */
async function fuzz(
  service: Service,
  { method, path }: Route,
  run: string,
  numRuns: number,
): Promise<void> {
  const isForm = !path.startsWith("/v1/");
  const property = fc.asyncProperty(
    isForm ? form : raw,
    fc.array(fc.oneof(segment, fc.constant(run)), { minLength: 3, maxLength: 3 }),
    query,
    eventNumber,
    async (text, segments, query, last) => {
      let next = 0;
      const url = path.replaceAll(/:\w+/g, () => encodeURIComponent(segments[next++]!));
      const search = Object.keys(query).length ? `?${new URLSearchParams(query)}` : "";
      const type = isForm ? "application/x-www-form-urlencoded" : "application/json";
      const answer = await service.app.request(url + search, {
        method,
        ...(method === "GET"
          ? { headers: { "Last-Event-ID": last } }
          : { body: text, headers: { "Content-Type": type, Origin: "http://localhost" } }),
      });
      const seen = answer.status === 200 && path.endsWith("/events")
        ? (await answer.body?.cancel(), "")
        : await answer.text();
      assert(answer.status < 500, `${answer.status}: ${seen}`);
      assert.match(answer.headers.get("Content-Security-Policy")!, /default-src 'self'/);
      if (answer.status >= 400 && !isForm) {
        assert.match(answer.headers.get("Content-Type")!, /json/, seen);
      }
    },
  );
  await fc.assert(property, { numRuns, seed: 7 });
}

async function postRun(service: Service): Promise<string> {
  return (await (await service.post("/v1/runs", tinySpec())).json()).id;
}

const title = "no request to any route is answered with an error of ours";

Deno.test(`sqlite: ${title}`, async (t) => {
  await using service = await makeApp();
  const run = await postRun(service);
  const routes = routesOf(service.app);
  const { paths } = await (await service.app.request("/openapi.json")).json();
  for (const path of Object.keys(paths)) {
    const pattern = path.replaceAll(/\{([^}]+)\}/g, ":$1");
    assert(routes.some((route) => route.path === pattern), `${path} is not tried`);
  }
  for (const route of routes) {
    await t.step(`${route.method} ${route.path}`, () => fuzz(service, route, run, 100));
  }
});

Deno.test({
  name: noPostgres ? `postgres: skipped, ${noPostgres}: ${title}` : `postgres: ${title}`,
  ignore: noPostgres !== undefined,
  async fn(t) {
    await using server = await startPostgres();
    await using service = await makeApp({}, await server.createDatabase());
    const run = await postRun(service);
    for (const route of routesOf(service.app)) {
      if (!STORED.test(route.path)) continue;
      await t.step(`${route.method} ${route.path}`, () => fuzz(service, route, run, 25));
    }
  },
});
