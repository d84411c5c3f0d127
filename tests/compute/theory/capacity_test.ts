import assert from "@std/assert";
import { ARCHITECTURES } from "../../../compute/theory/architectures.ts";
import { capacityBits, datasetBits, requiredRank } from "../../../compute/theory/capacity.ts";
import { loraParameters } from "../../../compute/theory/parameters.ts";

const LLAMA_8B = ARCHITECTURES["meta-llama/Llama-3.1-8B"]!;
const MOE = ARCHITECTURES["Qwen/Qwen3-30B-A3B"]!;

Deno.test("datasetBits() counts tokens of text and samples of episodes", () => {
  const text = { examples: 10_000, tokens_per_example: 1000, bits_per_token: 1 };
  const episodes = { episodes: 10_000, samples_per_episode: 32, bits_per_sample: 1 };
  assert.equal(datasetBits(text), 10_000_000);
  assert.equal(datasetBits(episodes), 320_000);
});

Deno.test("capacityBits() of rank 1 is 16.4 times what ten thousand RL episodes teach", () => {
  const ratio = capacityBits(loraParameters(LLAMA_8B, "all", 1)) / 320_000;
  assert.equal(ratio, 16.384);
});

Deno.test("requiredRank() rounds up and is the smallest rank that fits", () => {
  const one = capacityBits(2_621_440);
  assert.equal(requiredRank(LLAMA_8B, "all", one), 1);
  assert.equal(requiredRank(LLAMA_8B, "all", one + 1), 2);
  assert.equal(requiredRank(LLAMA_8B, "all", 10_000_000), 2);
  assert.equal(requiredRank(LLAMA_8B, "all", 1), 1);
  assert.equal(requiredRank(LLAMA_8B, "all", 939_343_000), 180);
});

Deno.test("requiredRank() of a mixture of experts is the smallest that gives experts whole ranks", () => {
  const unit = MOE.num_experts_per_tok!;
  for (const bits of [1, 3e7, 1e9, 1.23e10]) {
    const r = requiredRank(MOE, "all", bits);
    assert.equal(r % unit, 0);
    assert(
      capacityBits(loraParameters(MOE, "all", r)) >= bits,
      `rank ${r} is too small for ${bits}`,
    );
    const below = r - unit;
    if (below > 0) {
      assert(capacityBits(loraParameters(MOE, "all", below)) < bits, `${below} would do`);
    }
  }
  assert.equal(requiredRank(MOE, "attention", 1), 1);
});

Deno.test("requiredRank() takes no longer for more bits than whole numbers can count", () => {
  for (const architecture of [LLAMA_8B, MOE]) {
    const r = requiredRank(architecture, "all", 1e45);
    const ratio = capacityBits(loraParameters(architecture, "all", r)) / 1e45;
    assert(Math.abs(ratio - 1) < 1e-9, String(ratio));
  }
});
