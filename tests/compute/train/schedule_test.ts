import assert from "@std/assert";
import { optimizerAt } from "../../../compute/train/schedule.ts";
import { type TrainEvent, type TrainingState, trainSft } from "../../../compute/train/sft.ts";
import { forEachBackend } from "../../support/backends.ts";
import { LORA, tinyBatch, tinyModel, tinySource } from "../../support/tiny_model.ts";

Deno.test("optimizerAt() keeps the learning rate, or lets it fall evenly to 0 behind the last step", () => {
  const adamw = {
    learning_rate: 8,
    betas: [0.9, 0.999] as const,
    eps: 1e-8,
    weight_decay: 0,
    max_grad_norm: 1,
  };
  const rates = (lr_scheduler_type?: "constant" | "linear") =>
    [1, 2, 3, 4].map((t) =>
      optimizerAt({ ...adamw, ...(lr_scheduler_type && { lr_scheduler_type }) }, t, 4).learning_rate
    );
  assert.deepEqual(rates("linear"), [8, 6, 4, 2]);
  assert.deepEqual(rates("constant"), [8, 8, 8, 8]);
  assert.deepEqual(rates(), [8, 8, 8, 8]);
});

await forEachBackend(({ test }) => {
  test("a linear schedule is logged, trains otherwise than a constant one, and survives a resume", async (backend) => {
    const run = async (lr_scheduler_type: "constant" | "linear", resume?: TrainingState) => {
      const model = await tinyModel(backend, LORA);
      const events: TrainEvent[] = [];
      for await (
        const event of trainSft({
          model,
          batches: tinySource(2, 12),
          evalBatches: [tinyBatch(1000, 2, 12)],
          tokensPerBatch: 24,
          optimizer: {
            learning_rate: 0.01,
            betas: [0.9, 0.999],
            eps: 1e-8,
            weight_decay: 0,
            max_grad_norm: 1,
            lr_scheduler_type,
          },
          max_steps: 4,
          logging_steps: 1,
          eval_steps: 4,
          save_steps: 2,
          ...(resume && { resume }),
        })
      ) events.push(event);
      model.free();
      return events;
    };
    const steps = (events: TrainEvent[]) => events.flatMap((e) => e.type === "step" ? [e] : []);
    const linear = await run("linear");
    assert.deepEqual(steps(linear).map((e) => e.learning_rate), [0.01, 0.0075, 0.005, 0.0025]);
    const last = (events: TrainEvent[]) =>
      events.flatMap((e) => e.type === "eval" ? [e.eval_nll] : []).at(-1);
    assert.notEqual(last(linear), last(await run("constant")));
    const half = linear.flatMap((e) => e.type === "checkpoint" ? [e.state] : [])[0]!;
    const resumed = await run("linear", half);
    assert.deepEqual(steps(resumed), steps(linear).slice(2));
    assert.equal(last(resumed), last(linear));
  });
});
