import assert from "@std/assert";
import { ARCHITECTURES } from "../../../compute/theory/architectures.ts";
import { fullLearningRate, loraLearningRate } from "../../../compute/theory/learning_rate.ts";

Deno.test("loraLearningRate() follows the fit: 5e-4 · (2000 / hidden)^p", () => {
  const cases: [string, string][] = [
    ["meta-llama/Llama-3.1-8B", "2.86e-4"],
    ["meta-llama/Llama-3.2-1B", "4.91e-4"],
    ["Qwen/Qwen3-8B", "4.73e-4"],
    ["Qwen/Qwen3-30B-A3B", "4.99e-4"],
  ];
  for (const [id, rate] of cases) {
    assert.equal(loraLearningRate(ARCHITECTURES[id]!).toExponential(2), rate, id);
  }
});

Deno.test("loraLearningRate() is 10 times the full one, 15 times under 100 steps", () => {
  const model = ARCHITECTURES["meta-llama/Llama-3.1-8B"]!;
  const full = fullLearningRate(model);
  assert.equal(loraLearningRate(model), 10 * full);
  assert.equal(loraLearningRate(model, 100), 10 * full);
  assert.equal(loraLearningRate(model, 99), 15 * full);
});
