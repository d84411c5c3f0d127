// The base model that ships, against numbers that transformers gave for the same file and text.

import assert from "@std/assert";
import { chooseBackend } from "../../compute/backend/choose.ts";
import { createModel } from "../../compute/models/model.ts";
import { EvalStep } from "../../compute/train/step.ts";
import { loadExamples } from "../../data/load.ts";
import { evaluationBatches } from "../../data/loader.ts";
import { openModel } from "../../runs/worker/stored_models.ts";

const folderOf = (name: string) => new URL(`../../data/models/${name}/`, import.meta.url).pathname;

async function heldOutNll(
  name: string,
  dataset: string,
  limit: number,
  maxLength: number,
): Promise<number> {
  using stored = await openModel(folderOf(name));
  const backend = await chooseBackend({ backend: "cpu", threads: 1 });
  try {
    const model = await createModel({
      backend,
      config: stored.config,
      weights: stored.weights,
      method: { kind: "full", target_modules: ["q_proj"] },
      dtype: "f32",
      seed: 0,
    });
    const examples = await loadExamples({ name: dataset, split: "test", limit }, {
      purpose: "test",
      maxLength,
      folder: "",
    });
    const batches = evaluationBatches(examples!, maxLength, maxLength);
    return (await new EvalStep(model, maxLength).run(batches)).nll;
  } finally {
    backend.close();
  }
}

Deno.test("the base model has the NLL on held-out text that transformers computes", async () => {
  // AutoModelForCausalLM in f32, 24 evenly spaced windows of 256 bytes, 5821 targets.
  const nll = await heldOutNll("tiny", "stdlib/moby-dick", 24, 256);
  assert.ok(Math.abs(nll - 2.013837365) < 1e-5, `${nll}`);
});

for (const [name, steps] of [["tiny", 1000], ["tiny-moe", 250]] as const) {
  Deno.test(`noregret/${name} is the model that its training log ends with`, async () => {
    const log = (await Deno.readTextFile(`${folderOf(name)}training_log.jsonl`)).trim().split("\n")
      .map((line) => JSON.parse(line));
    const last = log.at(-1);
    assert.equal(last.step, steps);
    const nll = await heldOutNll(name, "stdlib/sotu", 32, 512);
    // bf16 rounding of the shipped weights is all that may differ.
    assert.ok(Math.abs(nll - last.eval_nll) < 2e-3, `${nll} now, ${last.eval_nll} in the log`);
    assert.ok(log[0].train_nll > 1.6 * last.train_nll, "the log goes down from random weights");
  });
}
