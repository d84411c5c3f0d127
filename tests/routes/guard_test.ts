import assert from "@std/assert";
import { neededScope } from "../../routes/guard.ts";
import { newApiKey, parseApiKeys, type Scope } from "../../runs/api_keys.ts";
import { tinySpec } from "../runs/tiny_home.ts";
import { makeApp, problemOf } from "./make_app.ts";

const KEYS = { read: newApiKey("read"), run: newApiKey("run"), admin: newApiKey("admin") };
const apiKeys = parseApiKeys(Object.values(KEYS).map(({ entry }) => entry).join(","));
const bearer = (scope: Scope) => ({ Authorization: `Bearer ${KEYS[scope].key}` });

Deno.test("without a key only the health of the service is told", async () => {
  await using service = await makeApp({ apiKeys });
  assert.equal((await service.app.request("/healthz")).status, 200);
  for (const path of ["/v1/runs", "/", "/openapi.json", "/docs", "/v1/models", "/nowhere"]) {
    await problemOf(service.app.request(path), 401);
  }
  const wrong = ["Bearer wrong", "Bearer", "Basic !!", `Basic ${btoa("me:wrong")}`, "Digest x"];
  for (const Authorization of wrong) {
    await problemOf(service.app.request("/v1/runs", { headers: { Authorization } }), 401);
  }
});

Deno.test("a key does what its scope allows and no more", async () => {
  await using service = await makeApp({ apiKeys });
  const ask = (scope: Scope, path: string, body?: unknown) =>
    body === undefined
      ? service.app.request(path, { headers: bearer(scope) })
      : service.post(path, body, bearer(scope));
  assert.equal((await ask("read", "/v1/runs")).status, 200);
  await problemOf(ask("read", "/v1/runs", tinySpec()), 403);
  assert.equal((await ask("run", "/v1/runs", tinySpec())).status, 202);
  assert.equal((await ask("admin", "/v1/runs", tinySpec())).status, 202);
  assert.equal((await ask("read", "/v1/verify", { items: [] })).status, 422);
  await problemOf(
    service.app.request("/v1/archives", { method: "POST", headers: bearer("run") }),
    403,
  );
});

Deno.test("a browser may send a key as the password of HTTP's own log-in", async () => {
  await using service = await makeApp({ apiKeys });
  const Authorization = `Basic ${btoa(`anyone:${KEYS.read.key}`)}`;
  assert.equal((await service.app.request("/", { headers: { Authorization } })).status, 200);
  const asked = (await service.app.request("/")).headers.get("WWW-Authenticate");
  assert.match(asked!, /^Basic /);
});

Deno.test("every route of the API document needs a key", async () => {
  await using service = await makeApp({ apiKeys });
  const document = await service.app.request("/openapi.json", { headers: bearer("read") });
  const { paths } = await document.json();
  let routes = 0;
  for (const [path, methods] of Object.entries<Record<string, unknown>>(paths)) {
    for (const method of Object.keys(methods)) {
      if (neededScope(method.toUpperCase(), path) === undefined) continue;
      const url = path.replaceAll(/\{[^}]+\}/g, "1");
      await problemOf(service.app.request(url, { method: method.toUpperCase() }), 401);
      routes++;
    }
  }
  assert(routes > 25, String(routes));
});

Deno.test("more requests than the limit are answered 429, the health of the service never", async () => {
  await using service = await makeApp({ rateLimit: 3 });
  for (let i = 0; i < 3; i++) assert.equal((await service.app.request("/v1/runs")).status, 200);
  const over = await service.app.request("/v1/runs");
  assert(Number(over.headers.get("Retry-After")) > 0);
  await problemOf(over, 429);
  assert.equal((await service.app.request("/healthz")).status, 200);
});

Deno.test("an event stream that ends or is left makes room for another", async () => {
  await using service = await makeApp({ maxStreams: 1 });
  const { id } = await (await service.post("/v1/runs", tinySpec())).json();
  const open = () => service.app.request(`/v1/runs/${id}/events`);
  const first = await open();
  assert.equal(first.status, 200);
  await problemOf(open(), 503);
  await first.body!.cancel();
  const second = await open();
  assert.equal(second.status, 200);
  await service.post(`/v1/runs/${id}/cancel`, {});
  assert.match(await second.text(), /event: cancelled/);
  assert.equal((await open()).status, 200);
});
