import assert from "@std/assert";
import { type AdviceInput, advise } from "../../../compute/theory/advice.ts";
import { ARCHITECTURES } from "../../../compute/theory/architectures.ts";

const TULU: AdviceInput = {
  architecture: ARCHITECTURES["meta-llama/Llama-3.1-8B"]!,
  targets: "all",
  dataset: { examples: 939_343, tokens_per_example: 1000, bits_per_token: 1 },
  maxLength: 2048,
  dtype: "bf16",
};
const RL: AdviceInput = {
  ...TULU,
  dataset: { episodes: 10_000, samples_per_episode: 32, bits_per_sample: 1 },
};

Deno.test("advise() finds r = 128 too small for all of Tulu and recommends the next power of two", () => {
  const advice = advise({ ...TULU, r: 128 });
  assert.equal(advice.trainable_parameters, 335_544_320);
  assert.equal(advice.capacity_bits, 671_088_640);
  assert.equal(advice.dataset_bits, 939_343_000);
  assert.equal(advice.required_r, 180);
  assert.equal(advice.verdict, "capacity_limited");
  assert.equal(advice.recommended.r, 256);
  assert.equal(advise(TULU).trainable_parameters, 256 * 2_621_440);
});

Deno.test("advise() finds rank 1 enough for reinforcement learning, 16.4 times over", () => {
  const advice = advise({ ...RL, r: 1 });
  assert.equal(advice.verdict, "fits");
  assert.equal(advice.capacity_ratio, 16.384);
  assert.equal(advice.required_r, 1);
  assert.equal(advice.recommended.r, 1);
});

Deno.test("advise() advises ranks that experts can share", () => {
  const architecture = ARCHITECTURES["Qwen/Qwen3-30B-A3B"]!;
  const { required_r, recommended } = advise({ ...RL, architecture });
  assert.deepEqual([required_r, recommended.r], [8, 8]);
  assert.match(recommended.reasons.join("\n"), /8 experts and each gets r \/ 8/);
  const six = { ...architecture, num_experts_per_tok: 6 };
  assert.equal(advise({ ...RL, architecture: six }).recommended.r, 12);
  assert.equal(advise({ ...RL, architecture, targets: "attention" }).recommended.r, 1);
});

Deno.test("advise() keeps the verdict on the edge: exactly full still fits", () => {
  const bits = 2 * 2_621_440;
  const edge = (examples: number) =>
    advise({ ...TULU, r: 1, dataset: { examples, tokens_per_example: 1, bits_per_token: 1 } });
  assert.equal(edge(bits).verdict, "fits");
  assert.equal(edge(bits + 1).verdict, "capacity_limited");
});

Deno.test("advise() says why where the paper warns", () => {
  const reasons = (input: AdviceInput) => advise(input).recommended.reasons.join("\n");
  assert.match(reasons({ ...TULU, targets: "attention" }), /Attention-only/);
  assert.match(reasons({ ...TULU, batchSize: 256 }), /batch of 32/);
  const dataset = { examples: 1e8, tokens_per_example: 1000, bits_per_token: 1 };
  assert.match(reasons({ ...TULU, dataset }), /No rank up to 512/);
  const short = { examples: 320, tokens_per_example: 10, bits_per_token: 1 };
  assert.match(reasons({ ...TULU, dataset: short }), /15 times/);
  assert.match(reasons(TULU), /gradient_checkpointing takes them from/);
  assert.doesNotMatch(reasons({ ...TULU, batchSize: 1, maxLength: 64 }), /gradient_checkpointing/);
  assert.doesNotMatch(reasons(TULU), /Attention-only|batch of|No rank/);
});

Deno.test("advise() counts the memory of the batch that was asked for", () => {
  const one = advise({ ...RL, batchSize: 1 }).memory_bytes.lora;
  const four = advise({ ...RL, batchSize: 4 }).memory_bytes.lora;
  assert.equal(one.weights, four.weights);
  assert(four.activations > 3.5 * one.activations);
});
