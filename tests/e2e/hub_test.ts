// A model and a data set by their ids on a hub: downloaded in the job, once, then trained on.

import assert from "@std/assert";
import { join } from "@std/path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { makeTinyHome, TINY_CONFIG, tinySpec, tinyWeights } from "../runs/tiny_home.ts";
import { HubServer } from "../support/hub_server.ts";
import { Service } from "./service.ts";

// The tiny model knows the bytes below 64: digits and signs.
const rows = (count: number, from: number) =>
  new Uint8Array(parquetWriteBuffer({
    columnData: [
      { name: "question", data: Array.from({ length: count }, (_, i) => `${from + i}+1?`) },
      { name: "reply", data: Array.from({ length: count }, (_, i) => `${from + i + 1}.`) },
    ],
  }));

async function hub(): Promise<HubServer> {
  return new HubServer({
    "models/lab/tiny": {
      "config.json": JSON.stringify(TINY_CONFIG),
      "model.safetensors": await tinyWeights(),
    },
    "models/lab/odd": {
      "config.json": JSON.stringify({ ...TINY_CONFIG, architectures: ["OddForCausalLM"] }),
      "model.safetensors": await tinyWeights(),
    },
    "datasets/lab/sums": {
      "data/train-00000-of-00001.parquet": rows(60, 100),
      "data/test-00000-of-00001.parquet": rows(10, 500),
    },
  });
}

const spec = (changes: Record<string, unknown> = {}) => {
  const columns = { problem: "question", solution: "reply" };
  return tinySpec({
    model: "lab/tiny",
    task: {
      kind: "sft",
      dataset: { name: "lab/sums", columns },
      eval_dataset: { name: "lab/sums", split: "test", columns },
      max_length: 16,
      num_epochs: 100,
    },
    ...changes,
  });
};

Deno.test("a run downloads the model and the data set that it names, and trains", async () => {
  await using tiny = await makeTinyHome();
  await using server = await hub();
  server.gated.set("models/lab/tiny", "hf_secret");
  server.faults.set("model.safetensors", [{ cutAfter: 4000 }]);
  await using service = await Service.start(tiny.home, {
    HF_ENDPOINT: server.endpoint,
    HF_TOKEN: "hf_secret",
  });
  const id = await service.post(spec());
  const events = await service.events(id);
  assert.equal(events.at(-1)!.type, "succeeded", JSON.stringify(events.at(-1)));
  const downloads = events.filter(({ type }) => type === "download").map(({ data }) => data);
  assert.deepEqual(new Set(downloads.map(({ kind }) => kind)), new Set(["model", "dataset"]));
  for (const kind of ["model", "dataset"]) {
    const last = downloads.findLast((each) => each.kind === kind)!;
    assert.equal(last.bytes, last.total_bytes);
    assert.equal(last.commit, server.commit);
  }
  const { result } = await service.json(`/v1/runs/${id}`);
  assert.deepEqual(result.commits, { "lab/tiny": server.commit, "lab/sums": server.commit });
  assert.ok(result.eval_nll < result.initial_eval_nll - 0.5, JSON.stringify(result));
  const { models } = await service.json("/v1/models");
  assert.ok(models.some(({ name }: { name: string }) => name === "lab/tiny"));
  const { files } = await service.json("/v1/datasets");
  assert.ok(files.includes("lab/sums/data/train-00000-of-00001.parquet"), `${files}`);

  // What is here is not asked for again, and trains without a hub.
  const asked = server.seen.length;
  await service.events(await service.post(spec({ seed: 1, max_steps: 2 })));
  assert.equal(server.seen.length, asked);
  assert.ok(!JSON.stringify(events).includes("hf_secret"));
});

Deno.test("a run trains on the revisions that it names and says which commits they are", async () => {
  await using tiny = await makeTinyHome();
  await using server = await hub();
  const commit = "3".repeat(40);
  const files = {
    "models/lab/tiny": {
      "config.json": JSON.stringify(TINY_CONFIG),
      "model.safetensors": await tinyWeights(),
    },
    "datasets/lab/sums": { "data/train-00000-of-00001.parquet": rows(40, 100) },
  };
  server.revisions.set("v2", { commit, files });
  await using service = await Service.start(tiny.home, { HF_ENDPOINT: server.endpoint });
  const task = {
    kind: "sft" as const,
    dataset: {
      name: "lab/sums@v2",
      split: "train",
      columns: { problem: "question", solution: "reply" },
    },
    max_length: 16,
  };
  const id = await service.post(spec({ model: "lab/tiny@v2", task, max_steps: 2 }));
  const last = (await service.events(id)).at(-1)!;
  assert.equal(last.type, "succeeded", JSON.stringify(last));
  const { result } = await service.json(`/v1/runs/${id}`);
  assert.deepEqual(result.commits, { "lab/tiny@v2": commit, "lab/sums@v2": commit });
  const adapter = await service.json(`/v1/runs/${id}/adapter/adapter_config.json`);
  assert.equal(adapter.base_model_name_or_path, "lab/tiny");
  assert.equal(adapter.revision, "v2");
  const body = JSON.stringify({
    model: "lab/tiny@v2",
    adapter: id,
    prompts: [[1, 2]],
    max_new_tokens: 2,
  });
  const headers = { "Content-Type": "application/json" };
  const answer = await service.json("/v1/generate", { method: "POST", headers, body });
  assert.equal(answer.model, "lab/tiny@v2");
});

Deno.test("a run whose model cannot be had fails with what to do, and leaves nothing half done", async () => {
  await using tiny = await makeTinyHome();
  await using server = await hub();
  server.gated.set("models/lab/tiny", "hf_other");
  await using service = await Service.start(tiny.home, { HF_ENDPOINT: server.endpoint });
  for (
    const [model, message] of [
      ["lab/tiny", /it is gated: expected a HF_TOKEN/],
      ["lab/tyny", /there is no such repository/],
      ["lab/odd", /architecture is "OddForCausalLM", expected one of "LlamaForCausalLM"/],
    ] as const
  ) {
    const id = await service.post(spec({ model }));
    assert.equal((await service.events(id)).at(-1)!.type, "failed");
    const { error, attempts } = await service.json(`/v1/runs/${id}`);
    assert.match(error.message, message);
    assert.equal(attempts, 1);
  }
  assert.ok(!server.downloads.includes("model.safetensors"));
  const kept = Array.from(Deno.readDirSync(join(tiny.paths.models)), ({ name }) => name).sort();
  assert.deepEqual(kept, [".downloads", "tiny"]);
});

Deno.test("offline, a name that is not here is refused at once", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home, { HF_HUB_OFFLINE: "1" });
  const body = JSON.stringify(spec());
  const headers = { "Content-Type": "application/json" };
  const { errors } = await service.json("/v1/runs", { method: "POST", headers, body }, 422);
  assert.deepEqual(errors.map(({ path }: { path: string }) => path), [
    "/model",
    "/task/dataset/name",
    "/task/eval_dataset/name",
  ]);
});
