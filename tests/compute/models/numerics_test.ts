// The whole model against transformers + PEFT + PyTorch: logits, loss, every gradient, and five AdamW
// steps of LoRA and of full fine-tuning, to a relative error of 1e-4.

import assert from "@std/assert";
import { type ForwardOptions, logits } from "../../../compute/models/transformer.ts";
import type { Model } from "../../../compute/models/model.ts";
import type { Backend, Tensor } from "../../../compute/backend/backend.ts";
import { TrainStep } from "../../../compute/train/step.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { forEachBackend } from "../../support/backends.ts";
import {
  adapted,
  type ExpectedTraining,
  full,
  NUMERICS_CASES,
  type NumericsCase,
  numericsCase,
} from "../../support/numerics.ts";

/** The vocabularies of the cases have 98 and 61 tokens. */
const TILED: ForwardOptions = { tileColumns: 32 };

/** Relative to the largest value of the tensor: small entries of a sum carry its rounding. */
function close(actual: ArrayLike<number>, expected: ArrayLike<number>, name: string): void {
  const largest = Array.from(expected).reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  const tolerance = { atol: 1e-4 * largest, rtol: 1e-4 };
  assertAllclose(actual, expected, { name, shape: [expected.length] }, tolerance);
}

async function upload(backend: Backend, c: NumericsCase) {
  const make = (name: "ids" | "start" | "end") => {
    const tensor: Tensor = backend.empty([c.batch.ids.length], "u32", name);
    backend.write(tensor, c.batch[name]);
    return tensor;
  };
  await backend.sync();
  return { ids: make("ids"), start: make("start"), end: make("end") };
}

async function checkTraining(
  model: Model,
  c: NumericsCase,
  expected: ExpectedTraining,
  options: ForwardOptions = {},
) {
  const step = new TrainStep(model, c.batch.ids.length, options);
  const optimizer = {
    learning_rate: expected.lr,
    betas: [0.9, 0.999] as const,
    eps: 1e-8,
    weight_decay: 0,
    max_grad_norm: 1,
  };
  // The sixth step's loss is the loss after the fifth.
  for (let t = 1; t <= expected.losses.length; t++) step.run([c.batch], optimizer, t);
  const metrics = await step.drain();
  close(metrics.map((m) => m.loss), expected.losses, "losses");
  close(metrics.slice(0, 5).map((m) => m.gradNorm), expected.grad_norms, "grad_norms");
  step.free();
  model.free();
}

await forEachBackend(({ test }) => {
  for (const name of NUMERICS_CASES) {
    test(`${name}: logits agree with transformers + PEFT`, async (backend) => {
      const c = await numericsCase(name);
      const model = await adapted(backend, c);
      const batch = await upload(backend, c);
      const y = logits(model, batch);
      close(await backend.read(y), await c.expected.read("logits", "f32"), "logits");
      [y, batch.ids, batch.start, batch.end].forEach((t) => backend.free(t));
      model.free();
    });

    for (const [logitsOf, options] of [["", {}], [", 32 logits at a time", TILED]] as const) {
      test(`${name}: loss and every gradient agree with PyTorch${logitsOf}`, async (backend) => {
        const c = await numericsCase(name);
        const model = await adapted(backend, c);
        assert.equal(model.trainable.count, c.trainable);
        const step = new TrainStep(model, c.batch.ids.length, options);
        step.accumulate(c.batch);
        for (const { name: parameter, gradient } of model.trainable.parameters) {
          const key = `grad.${parameter.replace(/\.weight$/, ".default.weight")}`;
          close(await backend.read(gradient), await c.expected.read(key, "f32"), key);
        }
        step.free();
        model.free();
      });
    }

    test(`${name}: gradients do not change with gradient checkpointing`, async (backend) => {
      const c = await numericsCase(name);
      const gradients: number[][] = [];
      for (const gradientCheckpointing of [false, true]) {
        const model = await full(backend, c);
        const step = new TrainStep(model, c.batch.ids.length, { gradientCheckpointing });
        step.accumulate(c.batch);
        const all: number[] = [];
        for (const { gradient } of model.trainable.parameters) {
          all.push(...await backend.read(gradient));
        }
        gradients.push(all);
        step.free();
        model.free();
      }
      assert.deepEqual(gradients[1], gradients[0]);
    });

    test(`${name}: five AdamW steps of LoRA agree with PyTorch`, async (backend) => {
      const c = await numericsCase(name);
      await checkTraining(await adapted(backend, c), c, c.training.lora);
    });

    test(`${name}: five AdamW steps of full fine-tuning agree with PyTorch`, async (backend) => {
      const c = await numericsCase(name);
      await checkTraining(await full(backend, c), c, c.training.full);
    });

    test(`${name}: so do those of full fine-tuning, 32 logits at a time`, async (backend) => {
      const c = await numericsCase(name);
      await checkTraining(await full(backend, c), c, c.training.full, TILED);
    });
  }

  test("a freed model and step leave no buffer behind", async (backend) => {
    const c = await numericsCase("llama-untied-all");
    const before = backend.memory().buffers;
    const model = await adapted(backend, c);
    const step = new TrainStep(model, c.batch.ids.length, { gradientCheckpointing: true });
    step.accumulate(c.batch);
    await backend.sync();
    step.free();
    model.free();
    assert.equal(backend.memory().buffers, before);
  });
});
