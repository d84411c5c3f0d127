// A run and a sweep from one host to another, as files.

import assert from "@std/assert";
import { join } from "@std/path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
// @ts-types="@types/tar-stream"
import tar from "tar-stream";
import { renderPng } from "../../experiments/plot/render.ts";
import { Checksums, SUMS_FILE } from "../../runs/archive/checksums.ts";
import { unpack } from "../../runs/archive/unpack.ts";
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

type Files = Map<string, Uint8Array>;

async function filesOf(archive: Uint8Array<ArrayBuffer>): Promise<Files> {
  const files: Files = new Map();
  for await (const { name, bytes } of unpack(new Blob([archive]).stream())) {
    files.set(name, new Uint8Array(await buffer(Readable.from(bytes))));
  }
  return files;
}

/** An archive of files, in their order; with sums of its own if `summed`, whatever the files say. */
async function archiveWith(files: Files, summed: boolean): Promise<Uint8Array<ArrayBuffer>> {
  const pack = tar.pack();
  const sums = new Checksums();
  for (const [name, bytes] of files) {
    if (name !== SUMS_FILE) { for await (const _ of sums.through(name, Readable.from([bytes]))); }
    const content = name === SUMS_FILE && summed ? sums.toString() : bytes;
    pack.entry({ name }, content as Buffer);
  }
  pack.finalize();
  const stream = Readable.toWeb(pack) as ReadableStream<Uint8Array<ArrayBuffer>>;
  return await new Response(stream.pipeThrough(new CompressionStream("gzip"))).bytes();
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
    SUMS_FILE,
  ]);
  const folder = join(tiny.home, "opened");
  await Deno.mkdir(folder);
  await new Deno.Command("tar", { args: ["-xzf", file, "-C", folder] }).output();
  const check = new Deno.Command("sha256sum", { args: ["--check", SUMS_FILE], cwd: folder });
  assert.equal((await check.output()).code, 0);
});

Deno.test("an archive that is damaged, or none, leaves nothing behind", async () => {
  await using here = await makeTinyHome();
  await using there = await makeTinyHome();
  await using one = await Service.start(here.home);
  await using other = await Service.start(there.home, { NOREGRET_JOBS: "0" });
  const id = await one.post(tinySpec());
  await one.events(id);
  const good = await archiveOf(one, `/v1/runs/${id}`);
  const post = async (body: Uint8Array<ArrayBuffer>) => {
    const answer = await fetch(`${other.url}/v1/archives`, { method: "POST", headers: TYPE, body });
    return { status: answer.status, text: await answer.text() };
  };
  const damaged: Uint8Array<ArrayBuffer>[] = [
    good.slice(0, good.length >> 1),
    good.map((byte, at) => at > good.length / 2 && at % 100 === 0 ? byte ^ 255 : byte),
    new TextEncoder().encode("not an archive"),
    new Uint8Array(0),
  ];
  for (const body of damaged) {
    const { status, text } = await post(body);
    assert([415, 422].includes(status), `${status}: ${text}`);
  }

  // Whole archives, of which one file was changed, lost or added.
  const files = await filesOf(good);
  const own = (name: string) => `runs/${id}/${name}`;
  const encode = (text: string) => new TextEncoder().encode(text);
  const decode = (name: string) => new TextDecoder().decode(files.get(name));
  const changed = (name: string, content: Uint8Array | string) => (files: Files) =>
    files.set(name, typeof content === "string" ? encode(content) : content);
  const weights = own("adapter/adapter_model.safetensors");
  const wrong: [(files: Files) => unknown, boolean, RegExp][] = [
    [
      changed(weights, files.get(weights)!.map((byte, at) => at === 3000 ? byte ^ 1 : byte)),
      false,
      /adapter_model.safetensors.*has the sum/,
    ],
    [
      changed(
        own("metrics.jsonl"),
        decode(own("metrics.jsonl")).replace(/(?<="train_nll":)\d/, "0"),
      ),
      false,
      /metrics.jsonl.*has the sum/,
    ],
    [changed(own("loss.svg"), "<svg/>"), false, /loss.svg.*has the sum/],
    [(files) => files.delete(weights), false, /adapter_model.safetensors.*is missing/],
    [(files) => files.delete(SUMS_FILE), false, /Expected SHA256SUMS at the end/],
    [changed("one-more", "after the sums"), false, /Expected no \\"one-more/],
    [changed("manifest.json", "{"), true, /Expected JSON in manifest.json/],
    [changed(own("run.json"), "{"), true, /Expected JSON in .*run.json/],
    [changed(own("events.jsonl"), new Uint8Array([255])), true, /no text in UTF-8/],
    [
      changed(
        own("run.json"),
        decode(own("run.json")).replace('"seed": 0', '"seed": 1'),
      ),
      true,
      /Expected the spec_hash/,
    ],
  ];
  for (const [change, summed, message] of wrong) {
    const copy = new Map(files);
    change(copy);
    const { status, text } = await post(await archiveWith(copy, summed));
    assert.equal(status, 422, `${message}: ${text}`);
    assert.match(text, message);
  }
  await other.json("/v1/archives", { method: "POST", body: "{}" }, 415);
  assert.deepEqual((await other.json("/v1/runs")).runs, []);
  const left = await Array.fromAsync(Deno.readDir(there.paths.adapters)).catch(() => []);
  assert.deepEqual(left.map(({ name }) => name), []);
  assert.equal((await post(await archiveWith(files, true))).status, 201);
});
