// A run and a sweep from one host to another, as files.

import assert from "@std/assert";
import { join } from "@std/path";
import { renderPng } from "../../experiments/plot/render.ts";
import { makeTinyHome, tinySpec } from "../runs/tiny_home.ts";
import { Service } from "./service.ts";

const TYPE = { "Content-Type": "application/gzip" };

async function archiveOf(service: Service, path: string): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await fetch(`${service.url}${path}/archive`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("Content-Disposition")!, /\.tar\.gz"$/);
  return await answer.bytes();
}

/** A file of an archive, by what tar says. */
async function fileIn(archive: Uint8Array<ArrayBuffer>, name: string): Promise<string> {
  const tar = new Deno.Command("tar", { args: ["-xzO", name], stdin: "piped", stdout: "piped" })
    .spawn();
  const writer = tar.stdin.getWriter();
  await writer.write(archive);
  await writer.close();
  return new TextDecoder().decode((await tar.output()).stdout);
}

Deno.test("a sweep that is taken to another host is there as it was, weights included", async () => {
  await using here = await makeTinyHome();
  await using there = await makeTinyHome();
  await using one = await Service.start(here.home);
  await using other = await Service.start(there.home, { NOREGRET_JOBS: "0" });
  const { id, runs } = await one.json("/v1/sweeps", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ spec: tinySpec(), grid: { "method.r": [1, 2] } }),
  }, 202);
  await one.json(`/v1/sweeps/${id}/archive`, {}, 409);
  for (const { run_id } of runs) await one.events(run_id);

  const body = await archiveOf(one, `/v1/sweeps/${id}`);
  const put = () => other.json("/v1/archives", { method: "POST", headers: TYPE, body }, 201);
  const ids = runs.map(({ run_id }: { run_id: string }) => run_id);
  assert.deepEqual(await put(), { runs: ids, sweep: id, known: [] });
  for (const path of [`/v1/sweeps/${id}`, ...ids.map((id: string) => `/v1/runs/${id}`)]) {
    assert.deepEqual(await other.json(path), await one.json(path));
  }
  for (const run of ids) {
    assert.deepEqual(await other.events(run), await one.events(run));
    assert.deepEqual(await other.curve(run), await one.curve(run));
    const weights = (service: Service) =>
      fetch(`${service.url}/v1/runs/${run}/adapter/adapter_model.safetensors`)
        .then((answer) => answer.bytes());
    assert.deepEqual(await weights(other), await weights(one));
  }
  const picture = await fileIn(body, "sweep.svg");
  // Two curves of held-out losses, named by what sets the runs apart, that a renderer can draw.
  assert.match(picture, /^<svg /);
  for (const name of ["lora r=1", "lora r=2"]) assert.match(picture, new RegExp(`>${name}<`));
  assert((await renderPng(picture)).length > 1000);
  // A second time changes nothing.
  assert.deepEqual(await put(), { runs: ids, sweep: id, known: ids });
});

Deno.test("the archive of a run opens with tar and holds what people look for", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home);
  const id = await service.post(tinySpec());
  await service.events(id);
  const file = join(tiny.home, "run.tar.gz");
  await Deno.writeFile(file, await archiveOf(service, `/v1/runs/${id}`));
  const { stdout } = await new Deno.Command("tar", { args: ["-tzf", file] }).output();
  const names = new TextDecoder().decode(stdout).trim().split("\n");
  const own = (name: string) => `runs/${id}/${name}`;
  const picture = await fileIn(await Deno.readFile(file), own("loss.svg"));
  assert.match(picture, /^<svg .*>train_nll<.*>eval_nll</);
  assert((await renderPng(picture)).length > 1000);
  assert.deepEqual(names, [
    "manifest.json",
    ...["run.json", "events.jsonl", "metrics.jsonl", "metrics.csv", "loss.svg"].map(own),
    own("adapter/adapter_config.json"),
    own("adapter/adapter_model.safetensors"),
  ]);
});

Deno.test("an archive that is damaged, or none, leaves nothing behind", async () => {
  await using here = await makeTinyHome();
  await using there = await makeTinyHome();
  await using one = await Service.start(here.home);
  await using other = await Service.start(there.home, { NOREGRET_JOBS: "0" });
  const id = await one.post(tinySpec());
  await one.events(id);
  const good = await archiveOf(one, `/v1/runs/${id}`);
  const cases: Uint8Array<ArrayBuffer>[] = [
    good.slice(0, good.length >> 1),
    good.map((byte, at) => at > good.length / 2 && at % 100 === 0 ? byte ^ 255 : byte),
    new TextEncoder().encode("not an archive"),
    new Uint8Array(0),
  ];
  for (const body of cases) {
    const init = { method: "POST", headers: TYPE, body };
    const answer = await fetch(`${other.url}/v1/archives`, init);
    const text = await answer.text();
    assert([415, 422].includes(answer.status), `${answer.status}: ${text}`);
  }
  await other.json("/v1/archives", { method: "POST", body: "{}" }, 415);
  assert.deepEqual((await other.json("/v1/runs")).runs, []);
  const left = await Array.fromAsync(Deno.readDir(there.paths.adapters)).catch(() => []);
  assert.deepEqual(left.map(({ name }) => name), []);
});
