// What must hold whatever the numbers are: equal ways of saying the same run give the same run.

import assert from "@std/assert";
import type { Backend } from "../compute/backend/backend.ts";
import { adapterNames, adapterSites, type Method } from "../compute/models/method.ts";
import { createModel, type Model, randomWeights } from "../compute/models/model.ts";
import { logits } from "../compute/models/transformer.ts";
import type { WeightSource } from "../compute/models/weights.ts";
import type { Batch } from "../compute/train/batch.ts";
import { readState, stateFiles, trainedFiles } from "../compute/train/checkpoint.ts";
import {
  DivergedError,
  type TrainEvent,
  type TrainingState,
  trainSft,
} from "../compute/train/sft.ts";
import { TrainStep } from "../compute/train/step.ts";
import { bytesSource } from "../compute/models/safetensors.ts";
import { openWeights } from "../compute/models/weights.ts";
import { assertAllclose, assertSameBits } from "./support/allclose.ts";
import { forEachBackend } from "./support/backends.ts";
import { LORA, TINY, tinyBatch, tinyModel, tinySource, weighted } from "./support/tiny_model.ts";

const ADAMW = {
  learning_rate: 1e-2,
  betas: [0.9, 0.999] as const,
  eps: 1e-8,
  weight_decay: 0,
  max_grad_norm: 1,
};

async function parameters(model: Model): Promise<Float32Array> {
  const parts: number[] = [];
  for (const { value } of model.trainable.parameters) {
    parts.push(...await model.backend.read(value));
  }
  return Float32Array.from(parts);
}

/** Trains on `steps` and returns the trained parameters and losses. */
async function train(
  model: Model,
  steps: readonly (readonly Batch[])[],
  optimizer = ADAMW,
  accumulation = 1,
): Promise<{ values: Float32Array; losses: number[] }> {
  const step = new TrainStep(model, steps[0]![0]!.ids.length, { accumulation });
  steps.forEach((batches, i) => step.run(batches, optimizer, i + 1));
  const losses = (await step.drain()).map((m) => m.loss);
  const values = await parameters(model);
  step.free();
  model.free();
  return { values, losses };
}

function sft(model: Model, steps: number, extra: { resume?: TrainingState } = {}) {
  return trainSft({
    model,
    batches: tinySource(2, 12),
    evalBatches: [tinyBatch(1000, 2, 12)],
    tokensPerBatch: 24,
    optimizer: ADAMW,
    max_steps: steps,
    logging_steps: 1,
    eval_steps: 4,
    save_steps: 4,
    ...extra,
  });
}

async function collect(events: AsyncIterable<TrainEvent>): Promise<TrainEvent[]> {
  const all: TrainEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

async function logitsOf(model: Model, batch: Batch): Promise<Float32Array> {
  const { backend } = model;
  const upload = (data: Uint32Array) => {
    const tensor = backend.empty([data.length], "u32", "input");
    backend.write(tensor, data);
    return tensor;
  };
  const input = { ids: upload(batch.ids), start: upload(batch.start), end: upload(batch.end) };
  const y = logits(model, input);
  const values = await backend.read(y) as Float32Array;
  [y, input.ids, input.start, input.end].forEach((t) => backend.free(t));
  return values;
}

const whole = (values: Float32Array) => ({ name: "parameters", shape: [values.length] });

await forEachBackend(({ test }) => {
  for (const method of [LORA, { kind: "full" }] satisfies Method[]) {
    test(`${method.kind}: two runs of one spec give the same bits`, async (backend) => {
      const steps = [0, 1, 2, 3].map((i) => [tinyBatch(i, 2, 12)]);
      const first = await train(await tinyModel(backend, method), steps);
      const second = await train(await tinyModel(backend, method), steps);
      assertSameBits(second.values, first.values, whole(first.values));
      assert.deepEqual(second.losses, first.losses);
      assert.ok(first.losses.at(-1)! < first.losses[0]!, `the loss fell: ${first.losses}`);
    });

    test(`${method.kind}: stop and resume equals straight through, bit for bit`, async (backend) => {
      const straightModel = await tinyModel(backend, method);
      const straight = await collect(sft(straightModel, 8));
      const expected = await parameters(straightModel);
      straightModel.free();

      const stopped = await tinyModel(backend, method);
      const half = await collect(sft(stopped, 4));
      stopped.free();
      const last = half.findLast((event) => event.type === "checkpoint")!;
      const files = stateFiles(last.state);
      const state = await readState(
        new TextDecoder().decode(files.get("trainer_state.json")!),
        bytesSource(files.get("optimizer.safetensors")!, "optimizer.safetensors"),
      );
      const resumed = await tinyModel(backend, method);
      const rest = await collect(sft(resumed, 8, { resume: state }));
      assertSameBits(await parameters(resumed), expected, whole(expected));
      resumed.free();
      const later = (events: TrainEvent[]) =>
        events.filter((event) => "step" in event && event.step > 4);
      assert.deepEqual(later(rest), later(straight));
    });

    test(`${method.kind}: 4 × 1 accumulated equals 1 × 4`, async (backend) => {
      const large = [0, 1, 2].map((i) => tinyBatch(i, 4, 12));
      const slice = (batch: Batch, row: number): Batch => {
        const part = <T extends Uint32Array | Float32Array>(x: T) =>
          x.slice(row * 12, (row + 1) * 12) as T;
        return {
          ids: part(batch.ids),
          targets: part(batch.targets),
          weight: part(batch.weight),
          start: new Uint32Array(12),
          end: new Uint32Array(12).fill(12),
          counted: 11,
        };
      };
      const one = await train(await tinyModel(backend, method), large.map((batch) => [batch]));
      const small = large.map((batch) => [0, 1, 2, 3].map((row) => slice(batch, row)));
      const four = await train(await tinyModel(backend, method), small);
      // However many of them are one submission.
      for (const accumulation of [3, 4]) {
        const model = await tinyModel(backend, method);
        const together = await train(model, small, ADAMW, accumulation);
        assertSameBits(together.values, four.values, whole(four.values));
        assert.deepEqual(together.losses, four.losses);
      }
      const tolerance = { atol: 2e-4, rtol: 1e-3 };
      assertAllclose(four.values, one.values, whole(one.values), tolerance);
      assertAllclose(four.losses, one.losses, { name: "losses", shape: [3] });
    });
  }

  test("a fresh adapter does not change the model", async (backend) => {
    const batch = tinyBatch(5, 2, 12);
    const base = await tinyModel(backend, { kind: "full" });
    const fresh = await tinyModel(backend);
    const expected = await logitsOf(base, batch);
    const actual = await logitsOf(fresh, batch);
    assertAllclose(actual, expected, { name: "logits", shape: [24, TINY.vocab_size] });
    base.free();
    fresh.free();
  });

  test("an adapter merged into the weights gives the adapter's logits", async (backend) => {
    const model = await tinyModel(backend);
    const step = new TrainStep(model, 24);
    for (let t = 1; t <= 5; t++) step.run([tinyBatch(t, 2, 12)], ADAMW, t);
    await step.drain();
    step.free();
    const merged = await mergedModel(backend, model);
    const batch = tinyBatch(9, 2, 12);
    const expected = await logitsOf(model, batch);
    const actual = await logitsOf(merged, batch);
    assertAllclose(actual, expected, { name: "logits", shape: [24, TINY.vocab_size] }, {
      atol: 1e-4,
      rtol: 1e-4,
    });
    merged.free();
    model.free();
  });

  for (const modules_to_save of [undefined, ["embed_tokens", "norm"]]) {
    test(`an adapter stored with ${modules_to_save ?? "nothing"} beside it starts a run where it was left`, async (backend) => {
      const method = { ...LORA, modules_to_save };
      const model = await tinyModel(backend, method);
      const step = new TrainStep(model, 24);
      step.run([tinyBatch(0, 2, 12)], ADAMW, 1);
      await step.drain();
      step.free();
      const bytes = (await trainedFiles(model, "tiny")).get("adapter_model.safetensors")!;
      const adapter = await openWeights([bytesSource(bytes, "adapter_model.safetensors")]);
      const again = await tinyModel(backend, method, { adapter, seed: 99 });
      const expected = await parameters(model);
      assertSameBits(await parameters(again), expected, whole(expected));
      model.free();
      again.free();
    });
  }

  // Schulman et al. 2025, "Parametrization": only α·init·lr products matter, not α, init and lr each.
  test("α/(pq), A·p, lr_A·p and lr_B·q give the same run", async (backend) => {
    const p = 2, q = 4;
    const optimizer = { ...ADAMW, learning_rate: 2e-3, eps: 1e-30, max_grad_norm: 0 };
    const steps = [0, 1, 2, 3, 4].map((i) => [tinyBatch(i, 2, 12)]);
    const plain = await train(await tinyModel(backend), steps, optimizer);
    const scaled = await tinyModel(backend, { ...LORA, lora_alpha: LORA.lora_alpha / (p * q) }, {
      lrScale: (name) => name.includes("lora_A") ? p : q,
    });
    for (const { name, value } of scaled.trainable.parameters) {
      if (!name.includes("lora_A")) continue;
      const a = await backend.read(value) as Float32Array;
      backend.write(value, a.map((x) => x * p));
    }
    const other = await train(scaled, steps, optimizer);
    assertAllclose(other.losses, plain.losses, { name: "losses", shape: [5] }, {
      atol: 1e-4,
      rtol: 1e-4,
    });
  });

  test("packed sequences do not see each other", async (backend) => {
    const model = await tinyModel(backend);
    const both = tinyBatch(3, 2, 12);
    const packed = await logitsOf(model, both);
    const alone = await logitsOf(model, {
      ...both,
      ids: both.ids.slice(12),
      start: new Uint32Array(12),
      end: new Uint32Array(12).fill(12),
    });
    assertAllclose(packed.slice(12 * TINY.vocab_size), alone, {
      name: "second sequence",
      shape: [12, TINY.vocab_size],
    });
    model.free();
  });

  test("bf16 weights train like the f32 weights they round to", async (backend) => {
    const weights = randomWeights(TINY, 7, 0.2);
    const rounded: WeightSource = {
      ...weights,
      async read(name, dtype) {
        const packed = await weights.read(name, "bf16") as Uint32Array;
        if (dtype === "bf16") return packed;
        const count = weights.shape(name).reduce((product, n) => product * n, 1);
        const halves = new Uint16Array(packed.buffer);
        return new Float32Array(
          Uint32Array.from({ length: count }, (_, i) => halves[i]! << 16).buffer,
        );
      },
    };
    const steps = [0, 1, 2].map((i) => [tinyBatch(i, 2, 12)]);
    const f32 = await train(await tinyModel(backend, LORA, { weights: rounded }), steps);
    const bf16 = await train(
      await tinyModel(backend, LORA, { weights: rounded, dtype: "bf16" }),
      steps,
    );
    assertAllclose(bf16.losses, f32.losses, { name: "losses", shape: [3] });
  });

  test("a learning rate that explodes ends the run and says where", async (backend) => {
    const model = await tinyModel(backend, { kind: "full" });
    const events = trainSft({
      model,
      batches: tinySource(2, 12),
      tokensPerBatch: 24,
      optimizer: { ...ADAMW, learning_rate: 1e30 },
      max_steps: 50,
      logging_steps: 10,
      eval_steps: 100,
      save_steps: 100,
    });
    await assert.rejects(collect(events), (error: unknown) => {
      if (!(error instanceof DivergedError)) return false;
      assert.ok(error.step >= 2 && error.step <= 10, `found at step ${error.step}`);
      return true;
    });
    model.free();
  });

  test("accumulated weights count over the whole step", async (backend) => {
    const model = await tinyModel(backend);
    const step = new TrainStep(model, 24);
    const batch = tinyBatch(0, 2, 12);
    step.run([weighted(batch, 0.5), weighted(batch, 0.5)], { ...ADAMW, learning_rate: 0 }, 1);
    step.run([batch], { ...ADAMW, learning_rate: 0 }, 2);
    const [twice, once] = await step.drain();
    assertAllclose([twice!.loss, twice!.gradNorm], [once!.loss, once!.gradNorm], {
      name: "loss and norm",
      shape: [2],
    });
    step.free();
    model.free();
  });
});

/** The model's weights with W + scaling · B A in place of every adapted W. */
async function mergedModel(backend: Backend, model: Model): Promise<Model> {
  const weights = randomWeights(TINY, 7, 0.2);
  const merged = new Map<string, Float32Array>();
  const { r, lora_alpha } = LORA;
  for (const { module, shape: [outputs, inputs] } of adapterSites(TINY, LORA)) {
    const names = adapterNames(module);
    const a = await backend.read(model.trainable.get(names.a)!.value);
    const b = await backend.read(model.trainable.get(names.b)!.value);
    const w = (await weights.read(`${module}.weight`, "f32")).slice() as Float32Array;
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) {
        let sum = 0;
        for (let k = 0; k < r; k++) sum += b[o * r + k]! * a[k * inputs + i]!;
        w[o * inputs + i]! += lora_alpha / r * sum;
      }
    }
    merged.set(`${module}.weight`, w);
  }
  return createModel({
    backend,
    config: TINY,
    weights: {
      ...weights,
      read: (name, dtype) => {
        const w = merged.get(name);
        return w ? Promise.resolve(w) : weights.read(name, dtype);
      },
    },
    method: { kind: "full" },
    dtype: "f32",
    seed: 0,
  });
}
