import assert from "@std/assert";
import { ARCHITECTURES } from "../../../compute/theory/architectures.ts";
import {
  activationBytes,
  adapterBytes,
  fullMemory,
  loraMemory,
  type MemoryBytes,
  weightBytes,
} from "../../../compute/theory/memory.ts";

const LLAMA_8B = ARCHITECTURES["meta-llama/Llama-3.1-8B"]!;
const OPTIONS = { dtype: "bf16", tokens: 2048, checkpointing: false } as const;

function sum({ weights, adapter, gradients, optimizer, activations }: MemoryBytes): number {
  return weights + adapter + gradients + optimizer + activations;
}

Deno.test("adapterBytes() of r = 128 on Llama-3.1-8B is 671 MB in bf16", () => {
  assert.equal(adapterBytes(335_544_320, "bf16"), 671_088_640);
  assert.equal(adapterBytes(335_544_320, "f32"), 2 * 671_088_640);
});

Deno.test("weightBytes() is 2 a parameter in bf16 and keeps embeddings in bf16 under nf4", () => {
  assert.equal(weightBytes(LLAMA_8B, "bf16"), 2 * 8_030_261_248);
  const quantised = 6_979_321_856, kept = 8_030_261_248 - quantised;
  assert.equal(weightBytes(LLAMA_8B, "nf4"), Math.ceil(quantised * 4.127 / 8) + 2 * kept);
});

Deno.test("loraMemory() pays 16 bytes a trained parameter beside the frozen weights", () => {
  const memory = loraMemory(LLAMA_8B, "all", 1, OPTIONS);
  assert.equal(memory.weights, 2 * 8_030_261_248);
  assert.equal(memory.adapter + memory.gradients + memory.optimizer, 16 * 2_621_440);
  assert.equal(memory.optimizer, 2 * memory.gradients);
  assert.equal(memory.total, sum(memory));
});

Deno.test("fullMemory() pays 16 bytes for every parameter", () => {
  const memory = fullMemory(LLAMA_8B, OPTIONS);
  assert.equal(memory.weights + memory.gradients + memory.optimizer, 16 * 8_030_261_248);
  assert.equal(memory.adapter, 0);
  assert.equal(memory.total, sum(memory));
});

Deno.test("activationBytes() with checkpointing keeps one input a layer and one block", () => {
  const plain = activationBytes(LLAMA_8B, "all", 8, OPTIONS);
  const saved = activationBytes(LLAMA_8B, "all", 8, { ...OPTIONS, checkpointing: true });
  const block = 4 * 4096 + 2 + 2 * 4096 + 2 * 1024 + 2 * 32 + 3 * 14336 + 7 * 8;
  const logits = 4 * 256 * 65536;
  assert.equal(saved, 4 * 2048 * (35 * 4096 + block + 3 * 14336) + logits);
  const gradients = 3 * 14336 + 2 * 4096 + 2 * 1024;
  assert.equal(plain, 4 * 2048 * (32 * block + 5 * 4096 + gradients) + logits);
});

Deno.test("activationBytes() of fewer tokens than a chunk has logits for those only", () => {
  const one = activationBytes(LLAMA_8B, "all", 0, { ...OPTIONS, tokens: 1 });
  const two = activationBytes(LLAMA_8B, "all", 0, { ...OPTIONS, tokens: 2 });
  assert.equal(two, 2 * one);
});
