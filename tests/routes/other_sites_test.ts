import assert from "@std/assert";
import { newApiKey, parseApiKeys } from "../../runs/api_keys.ts";
import { tinySpec } from "../runs/tiny_home.ts";
import { makeApp, problemOf } from "./make_app.ts";

const OTHERS: Record<string, string>[] = [
  { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.example" },
  { "Sec-Fetch-Site": "same-site", Origin: "http://localhost:3000" },
  { Origin: "https://evil.example" },
  { Origin: "http://localhost:3000" },
  { Origin: "null" },
];
const OWN: Record<string, string>[] = [
  { "Sec-Fetch-Site": "same-origin", Origin: "http://localhost" },
  { "Sec-Fetch-Site": "same-origin", Origin: "https://behind.a.proxy" },
  { Origin: "http://localhost" },
];

Deno.test("a page of another site changes nothing, with or without a body", async () => {
  await using service = await makeApp();
  const { id } = await (await service.post("/v1/runs", tinySpec())).json();
  const paths = ["/v1/figures/1", `/v1/runs/${id}/cancel`, "/v1/runs", `/runs/${id}/cancel`];
  for (const path of [...paths, "/figures/1", "/launch", "/v1/archives", "/nowhere"]) {
    for (const headers of OTHERS) {
      for (const body of ["", "preset=smoke"]) {
        const answer = service.app.request(path, { method: "POST", headers, body });
        await problemOf(answer, 403);
      }
    }
  }
  assert.deepEqual((await service.store.list({ limit: 9 })).map(({ status }) => status), [
    "queued",
  ]);
  // To look is what a link does.
  const read = await service.app.request("/v1/runs", { headers: OTHERS[0]! });
  assert.equal(read.status, 200);
});

Deno.test("the service's own pages and programs that are no browser change things", async () => {
  await using service = await makeApp();
  for (const headers of [...OWN, {}]) {
    const { id } = await (await service.post("/v1/runs", tinySpec(), headers)).json();
    const answer = await service.app.request(`/v1/runs/${id}/cancel`, { method: "POST", headers });
    assert.equal(answer.status, 202);
    assert.equal((await answer.json()).status, "cancelled");
  }
});

Deno.test("without keys the service answers under names of its own machine only", async () => {
  await using service = await makeApp();
  const names = ["localhost", "localhost:8000", "127.0.0.1:8000", "127.1.2.3", "[::1]:8000"];
  for (const name of names) {
    assert.equal((await service.app.request(`http://${name}/v1/runs`)).status, 200, name);
  }
  const others = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1"];
  for (const name of others) {
    await problemOf(service.app.request(`http://${name}/v1/runs`), 421);
  }
  const { key, entry } = newApiKey("read");
  await using known = await makeApp({ apiKeys: parseApiKeys(entry) });
  const headers = { Authorization: `Bearer ${key}` };
  const answer = await known.app.request("https://noregret.example/v1/runs", { headers });
  assert.equal(answer.status, 200);
});
