import assert from "@std/assert";
import { estimateRunTime } from "../../runs/estimate_run_time.ts";
import { capacityRequestSchema } from "../../runs/spec/capacity.ts";
import { parseRunSpec } from "../../runs/spec/parse_spec.ts";
import { specHash } from "../../runs/spec/spec_hash.ts";
import { type TestDatabase, testDatabases } from "../support/databases.ts";
import { tinySpec } from "./tiny_home.ts";

const MODEL = "Qwen/Qwen3-8B-Base";

async function finishRun(one: TestDatabase, kind: "lora" | "full", seconds: number) {
  const method = kind === "lora" ? { kind, r: 1 } as const : { kind };
  const spec = parseRunSpec(tinySpec({ model: MODEL, method }));
  await one.store.create({ spec, specHash: specHash(spec), codeVersion: "test" });
  const claim = (await one.queue.claim("a"))!;
  const nll = { train_nll: 1, initial_eval_nll: 1, eval_nll: 1, eval_bits: 1, best_eval_nll: 1 };
  const result = { steps: 1, tokens: 1000, eval_tokens: 1, ...nll, seconds, adapter: null };
  await one.store.finish(claim, {
    status: "succeeded",
    result: { ...result, trainable_parameters: 1, peak_memory_bytes: 1 },
  });
}

testDatabases(
  "estimateRunTime() takes the median speed of the model's finished runs",
  async (one) => {
    const dataset = { examples: 100, tokens_per_example: 50 };
    const request = capacityRequestSchema.parse({ model: MODEL, dataset });
    assert.equal(await estimateRunTime(request, one.store), null);
    for (const seconds of [1, 2, 100]) await finishRun(one, "lora", seconds);
    assert.deepEqual(await estimateRunTime(request, one.store), {
      runs: 3,
      lora: { tokens_per_s: 500, seconds: 10 },
      full: null,
    });
    await finishRun(one, "full", 4);
    const { full } = (await estimateRunTime(request, one.store))!;
    assert.deepEqual(full, { tokens_per_s: 250, seconds: 20 });
    const episodes = capacityRequestSchema.parse({ model: MODEL, dataset: { episodes: 5 } });
    assert.equal(await estimateRunTime(episodes, one.store), null);
  },
);
