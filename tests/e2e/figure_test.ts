// A figure over HTTP, from the request to the picture.

import assert from "@std/assert";
import { makeTinyHome } from "../runs/tiny_home.ts";
import { Service } from "./service.ts";

Deno.test("POST /v1/figures/1 runs what is missing, and GET gives the data, the spec and the pictures", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home);
  const post = (status: number) =>
    service.json("/v1/figures/1", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ preset: "smoke", ranks: [1], lrs: [2e-3], steps: 4 }),
    }, status);
  await service.json("/v1/figures/1", {}, 404);
  const asked = await post(202);
  assert.equal(asked.status, "running");
  for (const id of asked.run_ids) await service.events(id);

  const data = await service.json("/v1/figures/1");
  assert.equal(data.progress.status, "done");
  assert.equal(data.runs.length, asked.total);
  assert(data.rows.length >= asked.total);
  const spec = await service.json("/v1/figures/1/spec");
  assert.match(spec.$schema, /vega-lite/);
  const get = async (path: string) => {
    const response = await fetch(service.url + path);
    assert.equal(response.status, 200);
    return { type: response.headers.get("Content-Type"), bytes: await response.bytes() };
  };
  const svg = await get("/v1/figures/1.svg");
  assert.equal(svg.type, "image/svg+xml");
  assert.match(new TextDecoder().decode(svg.bytes), /^<svg /);
  const png = await get("/v1/figures/1.png");
  assert.deepEqual([...png.bytes.slice(1, 4)], [..."PNG"].map((letter) => letter.charCodeAt(0)));
  const csv = new TextDecoder().decode((await get("/v1/figures/1.csv")).bytes);
  assert.equal(csv.trim().split("\r\n").length, data.rows.length + 1);

  const again = await post(202);
  assert.equal(again.status, "done");
  assert.deepEqual(again.run_ids, asked.run_ids);
});
