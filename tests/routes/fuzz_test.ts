// Nonsense at every route of the API document: whatever is sent, the answer is never an error of ours.

import assert from "@std/assert";
import fc from "fast-check";
import { tinySpec } from "../runs/tiny_home.ts";
import { makeApp } from "./make_app.ts";

/** Requests a route. */
const RUNS = 100;

/** Routes that wait for work which no test process does. */
const SLOW = ["/v1/generate", "/v1/evaluate", "/v1/completions", "/v1/chat/completions"];

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
    "01a21306-3a4c-7363-a5e1-6b71416270ef",
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

Deno.test("no request to any route is answered with an error of ours", async (t) => {
  await using service = await makeApp();
  const { paths } = await (await service.app.request("/openapi.json")).json();
  for (const [path, methods] of Object.entries<Record<string, unknown>>(paths)) {
    if (SLOW.includes(path)) continue;
    for (const method of Object.keys(methods).map((name) => name.toUpperCase())) {
      await t.step(`${method} ${path}`, async () => {
        const property = fc.asyncProperty(
          raw,
          fc.array(segment, { minLength: 3, maxLength: 3 }),
          fc.dictionary(fc.string({ maxLength: 10 }), fc.string({ maxLength: 10 }), { maxKeys: 2 }),
          async (text, segments, query) => {
            let next = 0;
            const url = path.replaceAll(/\{[^}]+\}/g, () => encodeURIComponent(segments[next++]!));
            const search = Object.keys(query).length ? `?${new URLSearchParams(query)}` : "";
            const answer = await service.app.request(url + search, {
              method,
              ...(method === "GET"
                ? {}
                : { body: text, headers: { "Content-Type": "application/json" } }),
            });
            const seen = answer.status === 200 && path.endsWith("/events")
              ? (await answer.body?.cancel(), "")
              : await answer.text();
            assert(answer.status < 500, `${answer.status}: ${seen}`);
            if (answer.status >= 400) {
              assert.match(answer.headers.get("Content-Type")!, /json/, seen);
            }
          },
        );
        await fc.assert(property, { numRuns: RUNS, seed: 7 });
      });
    }
  }
});
