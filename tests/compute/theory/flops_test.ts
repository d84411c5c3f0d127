import assert from "@std/assert";
import { ARCHITECTURES } from "../../../compute/theory/architectures.ts";
import { attentionFlops, flopsPerToken, matrixCost } from "../../../compute/theory/flops.ts";
import { baseParameters } from "../../../compute/theory/parameters.ts";

const LLAMA_8B = ARCHITECTURES["meta-llama/Llama-3.1-8B"]!;

Deno.test("matrixCost() of a square matrix is N², 3N² and 2N² + 6NR", () => {
  assert.deepEqual(matrixCost(64, 64, 5), {
    forward: 64 ** 2,
    full: 3 * 64 ** 2,
    lora: 2 * 64 ** 2 + 6 * 64 * 5,
  });
});

Deno.test("LoRA costs 0.667, 0.729 and 0.917 of full fine-tuning at N = 4096", () => {
  for (const [r, ratio] of [[1, "0.667"], [128, "0.729"], [512, "0.917"]] as const) {
    const { full, lora } = matrixCost(4096, 4096, r);
    assert.equal((lora / full).toFixed(3), ratio);
  }
});

Deno.test("attentionFlops() of one token alone is two products with one key", () => {
  assert.equal(attentionFlops(LLAMA_8B, 1), 2 * 2 * 32 * 4096);
  assert.equal(attentionFlops(LLAMA_8B, 2047), 1024 * attentionFlops(LLAMA_8B, 1));
});

Deno.test("flopsPerToken() is 2 FLOPs a weight forward, 6 in full fine-tuning", () => {
  const { forward, full } = flopsPerToken(LLAMA_8B, "all", 1, 1);
  const embedding = 128256 * 4096, norms = 65 * 4096;
  const products = 2 * (baseParameters(LLAMA_8B) - embedding - norms);
  assert.equal(forward, products + attentionFlops(LLAMA_8B, 1));
  assert.equal(full, 3 * forward);
});

Deno.test("flopsPerToken() of LoRA tends to two thirds and grows with the rank", () => {
  const ratios = [1, 8, 128, 512].map((r) => flopsPerToken(LLAMA_8B, "all", r, 2048).ratio);
  assert(ratios[0]! > 2 / 3 && ratios[0]! < 0.7, `${ratios[0]}`);
  assert.deepEqual(ratios, ratios.toSorted((a, b) => a - b));
  const { lora, full, ratio } = flopsPerToken(LLAMA_8B, "attention", 16, 1024);
  assert.equal(ratio, lora / full);
  assert(lora < flopsPerToken(LLAMA_8B, "all", 16, 1024).lora);
});

Deno.test("flopsPerToken() of a mixture of experts counts active experts only", () => {
  const moe = ARCHITECTURES["Qwen/Qwen3-30B-A3B"]!;
  const activeWeights = 48 * (2 * 2048 * 4096 + 2 * 2048 * 512 + 8 * 3 * 2048 * 768) +
    151936 * 2048;
  const { forward } = flopsPerToken(moe, "all", 8, 1);
  assert.equal(forward, 2 * activeWeights + attentionFlops(moe, 1));
});
