import assert from "@std/assert";
import { join } from "@std/path";
import type { HubSession } from "../../../data/hub/client.ts";
import {
  commitOf,
  type DownloadProgress,
  fetchDataset,
  fetchModel,
  isHalfDownloaded,
} from "../../../data/hub/fetch.ts";
import { HubServer } from "../../support/hub_server.ts";
import { until } from "../../support/until.ts";

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
const config = JSON.stringify({ architectures: ["LlamaForCausalLM"] });
const weights = random(50_000);

const MODEL = {
  "README.md": "read me",
  "config.json": config,
  "tokenizer.json": "{}",
  "model.safetensors": weights,
  "pytorch_model.bin": random(2000),
  "onnx/model.onnx": random(2000),
  "LICENSE": "free",
};

interface Home extends AsyncDisposable {
  readonly path: string;
  readonly hub: HubServer;
  readonly progress: DownloadProgress[];
  model(name?: string, session?: Partial<HubSession>, check?: () => Promise<void>): Promise<void>;
  /** Every file below. */
  files(): Promise<string[]>;
  /** Their bytes. */
  sizes(): Promise<number[]>;
}

async function home(repositories: ConstructorParameters<typeof HubServer>[0]): Promise<Home> {
  const path = await Deno.makeTempDir();
  const hub = new HubServer(repositories);
  const progress: DownloadProgress[] = [];
  const files = async (folder: string): Promise<string[]> => {
    const found: string[] = [];
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) found.push(...(await files(join(folder, name))).map((f) => `${name}/${f}`));
      else found.push(name);
    }
    return found.sort();
  };
  return {
    path,
    hub,
    progress,
    files: () => files(path),
    sizes: async () => (await files(path)).map((file) => Deno.statSync(join(path, file)).size),
    model: (name = "lab/model", session = {}, check = () => Promise.resolve()) =>
      fetchModel(name, path, check, {
        session: {
          endpoint: hub.endpoint,
          token: undefined,
          stores: [],
          offline: false,
          retryMs: 1,
          ...session,
        },
        onProgress: (one) => progress.push(one),
      }),
    async [Symbol.asyncDispose]() {
      await hub[Symbol.asyncDispose]();
      await Deno.remove(path, { recursive: true });
    },
  };
}

const READY = [".hub.json", "LICENSE", "config.json", "model.safetensors", "tokenizer.json"]
  .map((name) => `lab/model/${name}`);
const LOCK = ".downloads/lab--model.lock";

Deno.test("fetchModel() brings what a run reads, once, and nothing else", async () => {
  await using it = await home({ "models/lab/model": MODEL });
  await it.model();
  assert.deepEqual(await it.files(), [LOCK, ...READY]);
  assert.deepEqual(await Deno.readFile(join(it.path, "lab/model/model.safetensors")), weights);
  const asked = it.hub.seen.length;
  await it.model();
  assert.equal(it.hub.seen.length, asked, "a model that is there is not asked for");
  const last = it.progress.at(-1)!;
  assert.equal(last.bytes, last.total_bytes);
  assert.equal(last.commit, it.hub.commit);
  assert.ok(last.bytes > weights.length);
});

Deno.test("fetchModel() brings the shards that the index names", async () => {
  const shards = {
    "model-00001-of-00002.safetensors": random(3000),
    "model-00002-of-00002.safetensors": random(4000),
  };
  const [a, b] = Object.keys(shards);
  const index = JSON.stringify({ weight_map: { x: a, y: b, z: a } });
  await using it = await home({
    "models/lab/model": {
      "config.json": config,
      ...shards,
      "consolidated.safetensors": random(9000),
      "model.safetensors.index.json": index,
    },
  });
  await it.model();
  const names = (await it.files()).filter((name) => name.endsWith(".safetensors"));
  assert.deepEqual(names, [`lab/model/${a}`, `lab/model/${b}`]);
});

Deno.test("a cut connection goes on where it was cut", async () => {
  await using it = await home({ "models/lab/model": MODEL });
  it.hub.faults.set("model.safetensors", [{ cutAfter: 20_000 }, { cutAfter: 7001 }]);
  await it.model();
  assert.deepEqual(await Deno.readFile(join(it.path, "lab/model/model.safetensors")), weights);
  const ranges = it.hub.seen.filter(({ path }) => path.endsWith("model.safetensors"))
    .map(({ range }) => Number(/^bytes=(\d+)-$/.exec(range ?? "bytes=0-")![1]));
  assert.equal(ranges.length, 3);
  assert.equal(ranges[0], 0);
  assert.ok(ranges[1]! > 0 && ranges[1]! <= 20_000, `${ranges}`);
  // What was on its way when the connection broke may be lost.
  assert.ok(ranges[2]! >= ranges[1]! && ranges[2]! <= 27_001, `${ranges}`);
  assert.equal(it.progress.at(-1)!.bytes, it.progress.at(-1)!.total_bytes);
});

Deno.test("what a torn download has brought is kept, is no model, and is not asked for again", async () => {
  await using it = await home({ "models/lab/model": MODEL });
  const cut = { cutAfter: 0 };
  it.hub.faults.set("model.safetensors", [{ cutAfter: 30_000 }, ...Array(8).fill(cut)]);
  await assert.rejects(it.model(), (error: Error) => {
    assert.equal(error.name, "Error", "another attempt may have more luck");
    assert.match(error.message, /model\.safetensors was cut at byte \d+ of 50000: .*is kept/);
    return true;
  });
  assert.ok((await it.files()).every((name) => name.startsWith(".downloads/")));
  it.hub.faults.clear();
  const before = it.hub.seen.length;
  await it.model();
  assert.deepEqual(await it.files(), [LOCK, ...READY]);
  const again = it.hub.seen.slice(before).filter(({ path }) => path.includes("/resolve/"));
  assert.deepEqual(again.map(({ path }) => path.split("/").at(-1)), ["model.safetensors"]);
  assert.notEqual(again[0]!.range, null);
});

Deno.test("a hub that knows no ranges gives the whole file again", async () => {
  await using it = await home({ "models/lab/model": MODEL });
  it.hub.faults.set("model.safetensors", [{ cutAfter: 20_000 }, { whole: true }]);
  await it.model();
  assert.deepEqual(await Deno.readFile(join(it.path, "lab/model/model.safetensors")), weights);
});

Deno.test("a file with another hash is refused and not kept", async () => {
  for (const name of ["model.safetensors", "tokenizer.json"]) {
    await using it = await home({ "models/lab/model": MODEL });
    const length = name === "tokenizer.json" ? 2 : weights.length;
    it.hub.faults.set(name, [{ bytes: random(length) }]);
    await assert.rejects(it.model(), {
      name: "RangeError",
      message: new RegExp(`${name} has the \\S+ [0-9a-f]+, expected [0-9a-f]+: it was not kept`),
    });
    assert.ok(!(await it.files()).some((path) => path.endsWith(".part") || path.endsWith(name)));
  }
});

Deno.test("a busy hub is asked again when it says, a broken one later", async () => {
  await using it = await home({ "models/lab/model": MODEL });
  it.hub.faults.set("revision", [{ status: 503 }]);
  it.hub.faults.set("tree", [{ status: 429, headers: { "Retry-After": "0" } }]);
  it.hub.faults.set("model.safetensors", [{ status: 429, headers: { "Retry-After": "1" } }]);
  const started = performance.now();
  await it.model();
  assert.ok(performance.now() - started >= 1000, "Retry-After is in seconds");
  it.hub.faults.set("revision", Array(9).fill({ status: 429, headers: { "Retry-After": "0" } }));
  await assert.rejects(it.model("lab/other"), { name: "Error", message: /429: it is busy/ });
});

Deno.test("a gated, a private and a missing repository say what to do", async () => {
  await using it = await home({ "models/lab/model": MODEL });
  it.hub.gated.set("models/lab/model", "hf_good");
  await assert.rejects(it.model(), {
    name: "RangeError",
    message: new RegExp(`"lab/model": \\S+ answers 401: it is gated: expected a HF_TOKEN`),
  });
  await it.model("lab/model", { token: "hf_good" });
  assert.ok(it.hub.seen.slice(1).every(({ authorization }) => authorization === "Bearer hf_good"));
  await assert.rejects(it.model("lab/modle"), {
    name: "RangeError",
    message: /"lab\/modle": \S+ answers 404: there is no such repository/,
  });
  it.hub.faults.set("revision", [{ status: 401 }]);
  await assert.rejects(it.model("lab/private"), { message: /it does not exist or is private/ });
  const messages = JSON.stringify(it.progress);
  assert.ok(!messages.includes("hf_good"));
});

Deno.test("a revision has a folder of its own, and its commit is noted", async () => {
  await using it = await home({ "models/lab/model": MODEL });
  const older = random(2000), commit = "2".repeat(40);
  it.hub.revisions.set("v1.0", {
    commit,
    files: { "models/lab/model": { ...MODEL, "model.safetensors": older } },
  });
  await it.model();
  await it.model("lab/model@v1.0");
  const read = (name: string) => Deno.readFile(join(it.path, name, "model.safetensors"));
  assert.deepEqual(await read("lab/model"), weights);
  assert.deepEqual(await read("lab/model@v1.0"), older);
  assert.equal(await commitOf(join(it.path, "lab/model")), it.hub.commit);
  assert.equal(await commitOf(join(it.path, "lab/model@v1.0")), commit);
  await it.model(`lab/model@${commit}`);
  assert.deepEqual(await read(`lab/model@${commit}`), older);
  await assert.rejects(it.model("lab/model@v2.0"), {
    name: "RangeError",
    message: /"lab\/model@v2\.0": \S+ answers 404: it has no such revision: expected a branch/,
  });
});

Deno.test("what a content-addressed store holds comes from there, in parts, without the hub's token", async () => {
  await using it = await home({ "models/lab/model": MODEL });
  await using store = new HubServer({ "models/lab/model": MODEL });
  it.hub.store = store;
  it.hub.gated.set("models/lab/model", "hf_good");
  store.faults.set("model.safetensors", [{ cutAfter: 20_000 }]);
  const token = "hf_good", { host } = new URL(store.endpoint);
  // A hub may send us to its stores alone: others may be hosts that only we can reach.
  for (const stores of [[], ["*.hf.co"], [`*.${host}`], ["127.0.0.1"]]) {
    await assert.rejects(it.model("lab/model", { token, stores }), {
      name: "RangeError",
      message: /Cannot follow http:\S+ to http:\S+: expected the endpoint/,
    });
  }
  assert.equal(store.seen.length, 0);
  await it.model("lab/model", { token, stores: [host] });
  assert.deepEqual(await Deno.readFile(join(it.path, "lab/model/model.safetensors")), weights);
  assert.equal(store.seen.length, 2);
  assert.ok(store.seen.every(({ authorization }) => authorization === null));
  assert.notEqual(store.seen[1]!.range, null);
});

Deno.test("a model of no use is refused before its weights are downloaded", async () => {
  await using it = await home({
    "models/lab/model": MODEL,
    "models/lab/bin": { "config.json": config, "pytorch_model.bin": random(2000) },
    "models/lab/none": { "README.md": "" },
  });
  const refuse = () => Promise.reject(new RangeError("Cannot build it"));
  await assert.rejects(it.model("lab/model", {}, refuse), { message: "Cannot build it" });
  assert.deepEqual(it.hub.downloads, ["config.json"]);
  await assert.rejects(it.model("lab/bin"), { message: /expected model\.safetensors among/ });
  await assert.rejects(it.model("lab/none"), { message: /it has no config\.json/ });
});

Deno.test("offline, and outside of the endpoint, nothing is asked", async () => {
  await using it = await home({ "models/lab/model": MODEL });
  await assert.rejects(it.model("lab/model", { offline: true }), {
    name: "RangeError",
    message: /HF_HUB_OFFLINE is set/,
  });
  assert.equal(it.hub.seen.length, 0);
  // A hub that sends its clients elsewhere for the next page of a list.
  it.hub.faults.set("tree", [{
    status: 200,
    body: "[]",
    headers: {
      "Content-Type": "application/json",
      "Link": '<http://127.0.0.2:1/api/models/lab/model/tree/x>; rel="next"',
    },
  }]);
  await assert.rejects(it.model(), { message: /Cannot ask http:\/\/127\.0\.0\.2:1: expected/ });
});

Deno.test("a hub's paths do not lead out of the model's folder", async () => {
  for (const path of ["../evil.json", "a/../../evil", "/etc/evil"]) {
    await using it = await home({ "models/lab/model": { ...MODEL, [path]: "{}" } });
    await assert.rejects(it.model(), { name: "RangeError", message: /the hub says that it has a/ });
  }
});

Deno.test("two runs that want the same model download it once", async () => {
  await using it = await home({ "models/lab/model": MODEL });
  await Promise.all([it.model(), it.model()]);
  assert.deepEqual(it.hub.downloads.toSorted(), [
    "LICENSE",
    "config.json",
    "model.safetensors",
    "tokenizer.json",
  ]);
});

Deno.test("a cancelled download stops at once and keeps what has come", async () => {
  await using it = await home({ "models/lab/model": MODEL });
  it.hub.faults.set("model.safetensors", [{ cutAfter: 20_000 }]);
  const stop = new AbortController();
  // It waits an hour before it asks again.
  const waiting = it.model("lab/model", { signal: stop.signal, retryMs: 3_600_000 });
  const came = async () => (await it.sizes()).includes(20_000);
  await until("a part has come", came);
  stop.abort(new Error("cancelled"));
  await assert.rejects(waiting, { message: "cancelled" });
  assert.ok(await came());
});

Deno.test("fetchDataset() brings one split, and another beside it", async () => {
  const rows = (n: number) => Array.from({ length: n }, (_, i) => `{"text":"${i}"}\n`).join("");
  await using it = await home({
    "datasets/lab/set": {
      "README.md": "",
      "data/train-00000-of-00002.jsonl": rows(200),
      "data/train-00001-of-00002.jsonl": rows(300),
      "data/test-00000-of-00001.jsonl": rows(20),
    },
  });
  const fetch = (split: string) =>
    fetchDataset("lab/set", split, it.path, {
      session: {
        endpoint: it.hub.endpoint,
        token: undefined,
        stores: [],
        offline: false,
        retryMs: 1,
      },
      onProgress() {},
    });
  const second = "data/train-00001-of-00002.jsonl";
  it.hub.faults.set(second, [{ cutAfter: 100 }, ...Array(8).fill({ cutAfter: 0 })]);
  await assert.rejects(fetch("train"), { message: /was cut/ });
  assert.equal(await isHalfDownloaded("lab/set", "train", it.path), true);
  it.hub.faults.clear();
  await fetch("train");
  assert.equal(await isHalfDownloaded("lab/set", "train", it.path), false);
  assert.equal(await isHalfDownloaded("lab/set", "test", it.path), true);
  await fetch("test");
  assert.deepEqual((await it.files()).filter((name) => !name.startsWith(".downloads")), [
    "lab/set/.hub.json",
    "lab/set/data/test-00000-of-00001.jsonl",
    "lab/set/data/train-00000-of-00002.jsonl",
    "lab/set/data/train-00001-of-00002.jsonl",
  ]);
  const asked = it.hub.seen.length;
  await fetch("train");
  assert.equal(it.hub.seen.length, asked);
  await assert.rejects(fetch("validation"), { message: /expected one of the splits in data\/t/ });
  // Whoever put a folder there without the hub keeps it as it is.
  await Deno.mkdir(join(it.path, "lab/mine"));
  await fetchDataset("lab/mine", "train", it.path, {
    session: { endpoint: it.hub.endpoint, token: undefined, stores: [], offline: false },
    onProgress() {},
  });
});
