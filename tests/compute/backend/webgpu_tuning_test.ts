// Tuning and preparation: products are measured once and computed alike ever after, no pipeline is made twice,
// and a step is one submission.

import assert from "@std/assert";
import type { Backend } from "../../../compute/backend/backend.ts";
import type { ProductVariant } from "../../../compute/backend/webgpu/descriptions/product_variants.ts";
import type { Choices, TuningOptions } from "../../../compute/backend/webgpu/tuning.ts";
import { createWebgpuBackend } from "../../../compute/backend/webgpu/webgpu_backend.ts";
import { createModel, randomWeights } from "../../../compute/models/model.ts";
import { SAMPLED_WIDTH } from "../../../compute/backend/kernels.ts";
import { GrpoStep } from "../../../compute/train/grpo_step.ts";
import { planMemory } from "../../../compute/train/plan_memory.ts";
import { EvalStep, TrainStep } from "../../../compute/train/step.ts";
import { LORA, TINY, tinyBatch } from "../../support/tiny_model.ts";
import { adapter, testWithAdapter } from "./webgpu_device.ts";

const TOKENS = 24;
const ADAMW = {
  learning_rate: 1e-2,
  betas: [0.9, 0.999] as const,
  eps: 1e-8,
  weight_decay: 0,
  max_grad_norm: 1,
};
const CANDIDATES: ProductVariant[] = [
  { kind: "direct", wx: 4, wy: 4, tm: 4, tn: 4 },
  { kind: "tiled", wx: 4, wy: 4, tm: 4, tn: 4, bk4: 1 },
];

/** What a device was asked for. */
interface Counted {
  readonly adapter: GPUAdapter;
  readonly made: string[];
  compiledLate: number;
  submits: number;
}

/** The adapter, with a device that counts. */
function counted(): Counted {
  const modules = new Map<GPUShaderModule, string>();
  const counts: Counted = { adapter: adapter!, made: [], compiledLate: 0, submits: 0 };
  const count = ({ compute: { module, constants } }: GPUComputePipelineDescriptor) =>
    counts.made.push(`${modules.get(module)}\n${JSON.stringify(constants)}`);
  const requestDevice = async (descriptor?: GPUDeviceDescriptor) => {
    const fresh = (await navigator.gpu.requestAdapter())!;
    const device = await fresh.requestDevice(descriptor);
    const module = device.createShaderModule.bind(device);
    const pipeline = device.createComputePipeline.bind(device);
    const pipelineAsync = device.createComputePipelineAsync.bind(device);
    const submit = device.queue.submit.bind(device.queue);
    device.createShaderModule = (descriptor) => {
      const made = module(descriptor);
      modules.set(made, descriptor.code);
      return made;
    };
    device.createComputePipeline = (descriptor) => {
      count(descriptor);
      counts.compiledLate++;
      return pipeline(descriptor);
    };
    device.createComputePipelineAsync = (descriptor) => {
      count(descriptor);
      return pipelineAsync(descriptor);
    };
    device.queue.submit = (buffers) => {
      counts.submits++;
      return submit(buffers);
    };
    return device;
  };
  const { info, limits, features } = adapter!;
  return Object.assign(counts, {
    adapter: { info, limits, features, requestDevice } as unknown as GPUAdapter,
  });
}

const method = LORA;
const plan = () =>
  planMemory({
    config: TINY,
    method,
    dtype: "f32",
    tokens: TOKENS,
    checkpointing: false,
    evalTokens: TOKENS,
    device: { kind: "webgpu", software: true },
  });

function tinyModel(backend: Backend) {
  const weights = randomWeights(TINY, 7, 0.2);
  return createModel({ backend, config: TINY, weights, method, dtype: "f32", seed: 3 });
}

testWithAdapter("prepare() compiles what a run needs, and nothing is compiled twice", async () => {
  const counts = counted();
  const backend = (await createWebgpuBackend({ adapter: counts.adapter }))!;
  const { calls } = await plan();
  await backend.prepare(calls);
  const ready = counts.made.length;
  assert.ok(ready > 15, `${ready} pipelines`);
  assert.equal(counts.compiledLate, 0);
  await backend.prepare(calls);
  for (let i = 0; i < 2; i++) {
    const model = await tinyModel(backend);
    const step = new TrainStep(model, TOKENS);
    const evaluation = new EvalStep(model, TOKENS);
    step.run([tinyBatch(0, 2, 12)], ADAMW, 1);
    await step.drain();
    await evaluation.run([tinyBatch(1, 2, 12)]);
    step.free();
    evaluation.free();
    model.free();
  }
  assert.equal(counts.compiledLate, 0, "something was not prepared");
  assert.equal(counts.made.length, ready);
  assert.equal(new Set(counts.made).size, ready, "a pipeline was made twice");
  backend.close();
});

testWithAdapter("a training step is one submission, with several micro-batches too", async () => {
  const counts = counted();
  const backend = (await createWebgpuBackend({ adapter: counts.adapter }))!;
  const model = await tinyModel(backend);
  const step = new TrainStep(model, TOKENS, { accumulation: 3 });
  const before = counts.submits;
  for (const t of [1, 2, 3]) {
    step.run(Array.from({ length: t }, (_, i) => tinyBatch(3 * t + i, 2, 12)), ADAMW, t);
  }
  assert.equal(counts.submits - before, 3);
  const losses = (await step.drain()).map(({ loss }) => loss);
  assert.ok(losses.every(Number.isFinite) && new Set(losses).size === 3, `${losses}`);
  backend.close();
});

testWithAdapter("a policy step is one submission and one that reads its metrics", async () => {
  const counts = counted();
  const backend = (await createWebgpuBackend({ adapter: counts.adapter }))!;
  const model = await tinyModel(backend);
  const options = {
    importance_sampling_level: "token",
    epsilon: 0.2,
    epsilon_high: 0.2,
    beta: 0,
    temperature: 1,
    accumulation: 3,
  } as const;
  const step = new GrpoStep(model, TOKENS, options);
  const sampled = new Float32Array(SAMPLED_WIDTH * TOKENS).fill(-0.5);
  for (const [t, micro] of [1, 3, 0].entries()) {
    const batches = Array.from({ length: micro }, (_, i) => ({ ...tinyBatch(i, 2, 12), sampled }));
    const before = counts.submits;
    const { loss } = await step.run(batches, ADAMW, t + 1);
    assert.equal(counts.submits - before, 2);
    assert.equal(loss !== 0, micro > 0, `loss ${loss}`);
  }
  backend.close();
});

/** A cache in memory that counts what is saved. */
function memoryCache() {
  const kept = new Map<string, Map<string, string>>();
  const saved: string[] = [];
  return {
    saved,
    kept,
    load: (device: string): Promise<Choices> => Promise.resolve(kept.get(device) ?? new Map()),
    save(device: string, choices: Choices): Promise<Choices> {
      saved.push(...choices.keys());
      const all = new Map([...choices, ...kept.get(device) ?? []]);
      kept.set(device, all);
      return Promise.resolve(all);
    },
  };
}

/** Losses of steps `from` … 4, on a device of its own. */
async function losses(
  tuning: TuningOptions | undefined,
  from: number,
  state?: Map<string, Float32Array>,
): Promise<{ losses: number[]; at2: Map<string, Float32Array> }> {
  const backend = (await createWebgpuBackend({ tuning }))!;
  await backend.prepare((await plan()).calls);
  const model = await tinyModel(backend);
  const step = new TrainStep(model, TOKENS);
  if (state) model.trainable.restore(state as never);
  const all: number[] = [];
  let at2 = new Map<string, Float32Array>();
  for (let t = from; t <= 4; t++) {
    step.run([tinyBatch(t, 2, 12)], ADAMW, t);
    all.push((await step.drain())[0]!.loss);
    if (t === 2) at2 = await model.trainable.state() as never;
  }
  backend.close();
  return { losses: all, at2 };
}

const timed = adapter?.features.has("timestamp-query");
testWithAdapter(
  "products are measured once, and a run that is resumed computes as it began",
  async () => {
    const cache = memoryCache();
    const tuning = { cache, software: true, candidates: () => CANDIDATES };
    const whole = await losses(tuning, 1);
    assert.ok(cache.saved.length >= 5, `${cache.saved}`);
    assert.equal(new Set(cache.saved).size, cache.saved.length);
    if (timed) {
      const names = new Set([...cache.kept.values()].flatMap((all) => [...all.values()]));
      assert.ok([...names].every((name) => /^(direct|tiled) 4x4 4x4/.test(name)), `${[...names]}`);
    }
    const measured = cache.saved.length;
    const rest = await losses(tuning, 3, whole.at2);
    assert.equal(cache.saved.length, measured, "what is known is not measured again");
    assert.deepEqual(rest.losses, whole.losses.slice(2));
    const other = memoryCache();
    await losses({ cache: other, candidates: () => CANDIDATES }, 4);
    assert.equal(other.saved.length, 0, "a software adapter is left as it is");
  },
);
