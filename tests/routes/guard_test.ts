import assert from "@std/assert";
import { allows, newApiKey, parseApiKeys, type Scope, SCOPES } from "../../runs/api_keys.ts";
import { tinySpec } from "../runs/tiny_home.ts";
import { makeApp, problemOf, routesOf } from "./make_app.ts";

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

/** What POST requests need; every GET needs `read`, but for the health of the service. */
const POSTS: Readonly<Record<string, Scope>> = {
  "/v1/archives": "admin",
  "/v1/capacity": "read",
  "/v1/chat/completions": "run",
  "/v1/completions": "run",
  "/v1/detokenize": "read",
  "/v1/evaluate": "run",
  "/v1/figures/:n": "run",
  "/v1/generate": "run",
  "/v1/runs": "run",
  "/v1/runs/:id/cancel": "run",
  "/v1/sweeps": "run",
  "/v1/sweeps/:id/cancel": "run",
  "/v1/tokenize": "read",
  "/v1/verify": "read",
  "/figures/:key": "run",
  "/launch": "run",
  "/launch/check": "read",
  "/runs/:id/cancel": "run",
  "/sweeps/:id/cancel": "run",
};

Deno.test("each route opens to the scopes that it is for, with each key and without one", async () => {
  await using service = await makeApp({ apiKeys });
  const routes = routesOf(service.app);
  const posts = routes.filter(({ method }) => method === "POST").map(({ path }) => path);
  assert.deepEqual(posts.toSorted(), Object.keys(POSTS).toSorted());
  assert(routes.length > 45, String(routes.length));
  for (const { method, path } of routes) {
    const needed = /^\/(healthz|readyz)$/.test(path)
      ? undefined
      : method === "GET"
      ? "read"
      : POSTS[path]!;
    const url = path.replaceAll(/:\w+/g, "none");
    const methods = method === "GET" ? ["GET", "HEAD"] : [method];
    for (const scope of [undefined, ...SCOPES]) {
      for (const method of methods) {
        const headers = scope === undefined ? {} : bearer(scope);
        const answer = await service.app.request(url, { method, headers });
        await answer.body?.cancel();
        const what = `${method} ${path} with ${scope ?? "no key"}: ${answer.status}`;
        if (needed === undefined || (scope !== undefined && allows(scope, needed))) {
          assert(answer.status !== 401 && answer.status !== 403, what);
        } else assert.equal(answer.status, scope === undefined ? 401 : 403, what);
      }
    }
  }
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

Deno.test("event streams that are asked for at once are counted too, and HEAD keeps none open", async () => {
  await using service = await makeApp({ maxStreams: 2 });
  const { id } = await (await service.post("/v1/runs", tinySpec())).json();
  const ask = (method: string) => service.app.request(`/v1/runs/${id}/events`, { method });
  for (let i = 0; i < 3; i++) {
    const head = await ask("HEAD");
    assert.deepEqual([head.status, head.body], [200, null]);
    assert.equal(head.headers.get("Content-Type"), "text/event-stream");
  }
  const answers = await Promise.all(Array.from({ length: 5 }, () => ask("GET")));
  const statuses = answers.map(({ status }) => status);
  for (const { body } of answers) await body?.cancel();
  assert.deepEqual(statuses.toSorted(), [200, 200, 503, 503, 503]);
});
