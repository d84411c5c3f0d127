import assert from "@std/assert";
import type { WeightSource } from "../../../compute/models/weights.ts";
import { modelTokenizer } from "../../../data/model_tokenizer.ts";
import { openModel } from "../../../runs/worker/stored_models.ts";

const SCRIPT = new URL("../../../runs/worker/pretrain.ts", import.meta.url).pathname;

const pretrain = (...args: string[]) =>
  new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", SCRIPT, "--backend", "cpu", ...args],
    env: { NOREGRET_THREADS: "1" },
  }).output();

Deno.test("deno task pretrain writes a model that opens, the same bytes each time", async () => {
  const folders = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  try {
    for (const out of folders) {
      const { code, stderr } = await pretrain("--steps", "1", "--out", out);
      assert.equal(code, 0, new TextDecoder().decode(stderr));
    }
    using model = await openModel(folders[0]!);
    assert.equal(model.config.max_position_embeddings, 512);
    const [a, b] = await Promise.all(
      folders.map((folder) => Deno.readFile(`${folder}/model.safetensors`)),
    );
    assert.deepEqual(a, b);
    const log = await Deno.readTextFile(`${folders[0]}/training_log.jsonl`);
    const { step, train_nll, eval_nll } = JSON.parse(log.trim());
    assert.equal(step, 1);
    // Random weights know nothing: log 256.
    assert.ok(Math.abs(train_nll - Math.log(256)) < 0.1);
    assert.ok(eval_nll < train_nll);
  } finally {
    for (const folder of folders) await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("deno task pretrain --vocab-size makes a BPE and a model of the same size for it", async () => {
  const out = await Deno.makeTempDir();
  try {
    const { code, stderr } = await pretrain("--steps", "1", "--vocab-size", "1024", "--out", out);
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    using model = await openModel(out);
    assert.deepEqual([model.config.vocab_size, model.config.intermediate_size], [1024, 256]);
    using shipped = await openModel(
      new URL("../../../data/models/tiny/", import.meta.url).pathname,
    );
    const size = (weights: WeightSource) =>
      [...weights.names].reduce(
        (sum, name) => sum + weights.shape(name).reduce((product, n) => product * n, 1),
        0,
      );
    assert.equal(size(model.weights), size(shipped.weights));
    const tokenizer = await modelTokenizer(out);
    const text = "The state of the Union in 1947";
    const ids = tokenizer.encode(text);
    assert.ok(ids.length <= text.length / 2, `${ids.length} tokens`);
    assert.equal(tokenizer.decode(ids), text);
    assert.deepEqual([...ids.slice(-4)].map((id) => tokenizer.decode([id])), ["1", "9", "4", "7"]);
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});

Deno.test("deno task pretrain refuses a bad option with one line and exit code 2", async () => {
  for (const args of [["--steps", "0"], ["--backend", "tpu"], ["--foo"], ["--vocab-size", "255"]]) {
    const { code, stderr } = await pretrain(...args);
    assert.equal(code, 2, args.join(" "));
    assert.match(new TextDecoder().decode(stderr), /^Cannot pretrain: .*\n$/);
  }
});
