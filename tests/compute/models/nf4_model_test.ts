// A model in 4 bits on a device: what is stored, what comes back, and that it trains as what it stands for.

import assert from "@std/assert";
import type { Backend } from "../../../compute/backend/backend.ts";
import { createModel, randomWeights } from "../../../compute/models/model.ts";
import type { Method } from "../../../compute/models/method.ts";
import type { ModelConfig } from "../../../compute/models/config.ts";
import { LEVELS, quantizeScales, quantizeValues } from "../../../compute/models/nf4.ts";
import { packBf16, type WeightSource } from "../../../compute/models/weights.ts";
import { weightShapes } from "../../../compute/models/config.ts";
import type { Batch } from "../../../compute/train/batch.ts";
import { TrainStep } from "../../../compute/train/step.ts";
import { assertAllclose, assertSameBits } from "../../support/allclose.ts";
import { forEachBackend } from "../../support/backends.ts";
import { numericsCase } from "../../support/numerics.ts";
import { normals } from "../../support/random.ts";
import { dequantizeNf4 } from "../../support/reference/nf4.ts";
import { blank, f32, runKernel, u32, values } from "../../support/run_kernel.ts";
import { LORA, TINY, tinyBatch } from "../../support/tiny_model.ts";

const ADAMW = {
  learning_rate: 1e-3,
  betas: [0.9, 0.999] as const,
  eps: 1e-8,
  weight_decay: 0,
  max_grad_norm: 1,
};

const TOLERANCE = { atol: 1e-6, rtol: 1e-6 };

function quantized(values: Float32Array) {
  const { codes, scales } = quantizeValues(values);
  return { codes, ...quantizeScales(scales) };
}

/** The same weights as f32, each the value that nf4 holds for it. */
function standIn(weights: WeightSource): WeightSource {
  return {
    names: weights.names,
    shape: (name) => weights.shape(name),
    async read(name) {
      const x = await weights.read(name, "f32") as Float32Array;
      if (weights.shape(name).length === 1) return x;
      if (/\.[a-z]+_proj\.weight$/.test(name)) return dequantizeNf4(quantized(x), LEVELS, x.length);
      return Float32Array.from(values({ shape: [x.length], dtype: "bf16", data: packBf16(x) }));
    },
  };
}

/** Losses of three steps and the adapter after them. */
async function train(
  backend: Backend,
  config: ModelConfig,
  weights: WeightSource,
  method: Method,
  dtype: "f32" | "nf4",
  batch: Batch,
): Promise<{ losses: number[]; adapter: Float32Array }> {
  const model = await createModel({ backend, config, weights, method, dtype, seed: 3 });
  const step = new TrainStep(model, batch.ids.length);
  for (const t of [1, 2, 3]) step.run([batch], ADAMW, t);
  const losses = (await step.drain()).map(({ loss }) => loss);
  const adapter: number[] = [];
  for (const { value } of model.trainable.parameters) adapter.push(...await backend.read(value));
  step.free();
  model.free();
  return { losses, adapter: Float32Array.from(adapter) };
}

await forEachBackend(({ test }) => {
  for (const elements of [16750, 16640, 3]) {
    test(`dequantize_nf4 of ${elements} values is the reference bit for bit`, async (backend) => {
      const matrices = 3;
      const all = Array.from(
        { length: matrices },
        (_, i) => quantized(Float32Array.from(normals(i, elements, 10 ** -i))),
      );
      const joined = (kind: "codes" | "scales" | "ranges") => all.flatMap((one) => [...one[kind]]);
      const codes = joined("codes"), scales = joined("scales"), ranges = joined("ranges");
      const { y } = await runKernel(backend, "dequantize_nf4", {
        codes: u32([codes.length], codes),
        scales: u32([scales.length], scales),
        ranges: f32([ranges.length], ranges),
        levels: f32([LEVELS.length], LEVELS),
        y: blank([matrices * elements]),
      }, { elements, matrices });
      const expected = all.flatMap((one) => [...dequantizeNf4(one, LEVELS, elements)]);
      assertSameBits(y, Float32Array.from(expected), { name: "y", shape: [matrices, elements] });
    });
  }

  test("a LoRA on nf4 weights trains like one on the f32 weights they stand for", async (backend) => {
    const weights = randomWeights(TINY, 7, 0.2);
    const batch = tinyBatch(0, 2, 12);
    const nf4 = await train(backend, TINY, weights, LORA, "nf4", batch);
    const dense = await train(backend, TINY, standIn(weights), LORA, "f32", batch);
    const exact = await train(backend, TINY, weights, LORA, "f32", batch);
    assertAllclose(nf4.losses, dense.losses, { name: "losses", shape: [3] }, TOLERANCE);
    const shape = [nf4.adapter.length];
    assertAllclose(nf4.adapter, dense.adapter, { name: "adapter", shape }, TOLERANCE);
    assert.ok(Math.abs(nf4.losses[0]! - exact.losses[0]!) > 1e-4, "nothing was quantised");
  });

  test("experts on nf4 weights train like those on the f32 weights they stand for", async (backend) => {
    const { config, weights, lora, batch } = await numericsCase("qwen3-moe-experts");
    const nf4 = await train(backend, config, weights, lora, "nf4", batch);
    const dense = await train(backend, config, standIn(weights), lora, "f32", batch);
    assertAllclose(nf4.losses, dense.losses, { name: "losses", shape: [3] }, TOLERANCE);
    const shape = [nf4.adapter.length];
    assertAllclose(nf4.adapter, dense.adapter, { name: "adapter", shape }, TOLERANCE);
  });

  test("nf4 weights take 4.127 bits a value, and all is given back", async (backend) => {
    const before = backend.memory();
    const config: ModelConfig = { ...TINY, hidden_size: 256, intermediate_size: 512 };
    const weights = randomWeights(config, 1);
    const shapes = [...weightShapes(config)];
    const model = await createModel({
      backend,
      config,
      weights,
      method: LORA,
      dtype: "nf4",
      seed: 0,
    });
    const count = (of: readonly (readonly [string, readonly number[]])[]) =>
      of.reduce((sum, [, shape]) => sum + shape.reduce((product, n) => product * n, 1), 0);
    const quantised = count(shapes.filter(([name]) => name.includes("_proj")));
    const norms = count(shapes.filter(([, shape]) => shape.length === 1));
    const rest = count(shapes) - quantised - norms;
    const bytes = quantised * 4.127 / 8 + 4 * norms + 2 * rest + 4 * LEVELS.length;
    const off = model.frozenBytes / bytes;
    assert.ok(Math.abs(off - 1) < 0.001, `${model.frozenBytes} bytes, expected ${bytes}`);
    const held = backend.memory().bytes - before.bytes;
    assert.ok(held >= model.frozenBytes + 4 * model.trainable.bytes / 4, `${held} bytes are held`);
    model.free();
    assert.equal(backend.memory().bytes, before.bytes);
    assert.equal(backend.memory().buffers, before.buffers);
  });
});
