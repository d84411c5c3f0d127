import assert from "@std/assert";
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

Deno.test("deno task pretrain refuses a bad option with one line and exit code 2", async () => {
  for (const args of [["--steps", "0"], ["--backend", "tpu"], ["--foo"]]) {
    const { code, stderr } = await pretrain(...args);
    assert.equal(code, 2, args.join(" "));
    assert.match(new TextDecoder().decode(stderr), /^Cannot pretrain: .*\n$/);
  }
});
