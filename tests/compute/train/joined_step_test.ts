// Adapters that train together have to come out as if each had been alone.

import assert from "@std/assert";
import type { FrozenType } from "../../../compute/models/frozen_weights.ts";
import { createModels, type TrainedOptions } from "../../../compute/models/model.ts";
import { randomWeights } from "../../../compute/models/model.ts";
import type { Backend } from "../../../compute/backend/backend.ts";
import type { Batch } from "../../../compute/train/batch.ts";
import { type JoinedPass, JoinedStep, repeated } from "../../../compute/train/joined_step.ts";
import { TrainStep } from "../../../compute/train/step.ts";
import { assertSameBits } from "../../support/allclose.ts";
import { forEachBackend } from "../../support/backends.ts";
import { LORA, TINY, tinyBatch, weighted } from "../../support/tiny_model.ts";

const ADAMW = { betas: [0.9, 0.999] as const, eps: 1e-8, weight_decay: 0, max_grad_norm: 1 };

/** Everything that may differ: rank, scale, start, matrices, seed, learning rate, optimiser. */
const MEMBERS:
  readonly (TrainedOptions & { optimizer: typeof ADAMW & { learning_rate: number } })[] = [
    { method: LORA, seed: 3, optimizer: { ...ADAMW, learning_rate: 1e-2 } },
    { method: LORA, seed: 3, optimizer: { ...ADAMW, learning_rate: 1e-3 } },
    {
      method: { ...LORA, r: 1, init: "guide" },
      seed: 4,
      optimizer: { ...ADAMW, learning_rate: 2e-2, weight_decay: 0.1 },
    },
    {
      method: { ...LORA, r: 7, lora_alpha: 8, target_modules: ["q_proj", "down_proj", "lm_head"] },
      seed: 3,
      optimizer: { ...ADAMW, learning_rate: 5e-3, betas: [0.8, 0.9] as never, max_grad_norm: 0 },
    },
  ];

const STEPS = Array.from({ length: 5 }, (_, i) => [
  weighted(tinyBatch(2 * i, 8, 16), 0.5),
  weighted(tinyBatch(2 * i + 1, 8, 16), 0.5),
]);

const base = (backend: Backend, dtype: FrozenType) =>
  ({ backend, config: TINY, weights: randomWeights(TINY, 7, 0.2), dtype }) as const;

async function alone(
  backend: Backend,
  member: typeof MEMBERS[0],
  steps: readonly Batch[][],
  dtype: FrozenType = "f32",
) {
  const [model] = await createModels(base(backend, dtype), [member]);
  const step = new TrainStep(model!, steps[0]![0]!.ids.length);
  steps.forEach((batches, i) => step.run(batches, member.optimizer, i + 1));
  const metrics = await step.drain();
  const state = await model!.trainable.state();
  step.free();
  model!.free();
  return { metrics, state };
}

async function together(
  backend: Backend,
  members: typeof MEMBERS,
  steps: readonly Batch[][],
  options: { pass?: JoinedPass; gradientCheckpointing?: boolean } = {},
  dtype: FrozenType = "f32",
) {
  const models = await createModels(base(backend, dtype), members);
  const step = new JoinedStep(models, steps[0]![0]!.ids.length, options);
  steps.forEach((batches, i) => step.run(batches, members.map((m) => m.optimizer), i + 1));
  const metrics = await step.drain();
  const states: Float32Array[][] = [];
  for (const { trainable } of models) states.push(await trainable.state());
  step.free();
  models.forEach((model) => model.free());
  return members.map((_, i) => ({ metrics: metrics[i]!, state: states[i]! }));
}

await forEachBackend(({ test }) => {
  for (const pass of ["one", "each"] as const) {
    test(`JoinedStep trains each adapter to the bits it has alone, pass ${pass}`, async (backend) => {
      const before = backend.memory().buffers;
      const joined = await together(backend, MEMBERS, STEPS, { pass });
      assert.equal(backend.memory().buffers, before, "buffers are left over");
      for (const [i, member] of MEMBERS.entries()) {
        const expected = await alone(backend, member, STEPS);
        assert.deepEqual(joined[i]!.metrics, expected.metrics, `metrics of member ${i}`);
        joined[i]!.state.forEach((array, j) =>
          assertSameBits(array, expected.state[j]!, {
            name: `member ${i}, array ${j}`,
            shape: [array.length],
          })
        );
      }
      const losses = joined[0]!.metrics.map(({ loss }) => loss);
      assert.ok(losses.at(-1)! < losses[0]!, `the loss fell: ${losses}`);
    });
  }
  test("JoinedStep gives the bits of training alone where batches are long", async (backend) => {
    const members = MEMBERS.slice(0, 2), steps = [[tinyBatch(0, 40, 16)], [tinyBatch(1, 40, 16)]];
    const joined = await together(backend, members, steps, { pass: "each" });
    for (const [i, member] of members.entries()) {
      const { metrics } = await alone(backend, member, steps);
      assert.deepEqual(joined[i]!.metrics, metrics);
    }
  });

  test("JoinedStep on weights in 4 bits trains each adapter to the bits it has alone", async (backend) => {
    const members = MEMBERS.slice(2), steps = STEPS.slice(0, 2);
    const joined = await together(backend, members, steps, { pass: "one" }, "nf4");
    for (const [i, member] of members.entries()) {
      const expected = await alone(backend, member, steps, "nf4");
      assert.deepEqual(joined[i]!.metrics, expected.metrics, `metrics of member ${i}`);
      assert.deepEqual(joined[i]!.state, expected.state, `state of member ${i}`);
    }
  });

  test("JoinedStep with gradient checkpointing gives the same losses", async (backend) => {
    const members = MEMBERS.slice(1, 3), steps = STEPS.slice(0, 2);
    const plain = await together(backend, members, steps);
    const checkpointed = await together(backend, members, steps, { gradientCheckpointing: true });
    members.forEach((_, i) => assert.deepEqual(checkpointed[i]!.metrics, plain[i]!.metrics));
  });

  test("an adapter that diverges leaves its company alone", async (backend) => {
    const wild = { ...MEMBERS[0]!, optimizer: { ...ADAMW, learning_rate: 1e30 } };
    const expected = await alone(backend, MEMBERS[1]!, STEPS);
    for (const pass of ["one", "each"] as const) {
      const joined = await together(backend, [wild, MEMBERS[1]!, wild], STEPS, { pass });
      assert.ok(!Number.isFinite(joined[0]!.metrics.at(-1)!.loss), "the wild one diverges");
      assert.deepEqual(joined[1]!.metrics, expected.metrics);
    }
  });

  test("JoinedStep rejects what it cannot join", async (backend) => {
    const models = await createModels(base(backend, "f32"), MEMBERS.slice(0, 2));
    assert.throws(
      () => new JoinedStep(models, 40, { pass: "one" }),
      /batches of 40 tokens: expected a multiple of 64/,
    );
    const other = await createModels(base(backend, "f32"), [MEMBERS[2]!]);
    assert.throws(
      () => new JoinedStep([models[0]!, other[0]!], 64, { pass: "one" }),
      /models on one base/,
    );
    [...models, ...other].forEach((model) => model.free());
    const saving = { ...MEMBERS[0]!, method: { ...LORA, modules_to_save: ["embed_tokens"] } };
    await assert.rejects(
      createModels(base(backend, "f32"), [saving, MEMBERS[1]!]),
      /changes "model.embed_tokens.weight", which the others read/,
    );
  });
});

Deno.test("repeated() shifts the bounds of each copy and nothing else", () => {
  const batch = tinyBatch(0, 2, 3);
  const twice = repeated(batch, 2);
  assert.deepEqual([...twice.ids], [...batch.ids, ...batch.ids]);
  assert.deepEqual([...twice.start], [0, 0, 0, 3, 3, 3, 6, 6, 6, 9, 9, 9]);
  assert.deepEqual([...twice.end], [3, 3, 3, 6, 6, 6, 9, 9, 9, 12, 12, 12]);
  assert.equal(twice.counted, batch.counted);
});
