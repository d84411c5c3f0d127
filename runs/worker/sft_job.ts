// A supervised run as its job tells it: the trainer's events with speeds.

import type { Model } from "../../compute/models/model.ts";
import { DivergedError, type TrainingState, trainSft } from "../../compute/train/sft.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import type { JobEvent } from "./job_events.ts";
import type { TrainingData } from "./training_data.ts";

/** Trains by a spec's `sft` task. */
export async function* sftJob(
  spec: RunSpec,
  data: TrainingData,
  model: Model,
  resume: TrainingState | undefined,
  signal: AbortSignal,
): AsyncGenerator<JobEvent> {
  const events = trainSft({
    model,
    batches: data.loader,
    evalBatches: data.evalBatches,
    tokensPerBatch: data.loader.tokensPerBatch,
    optimizer: spec.optimizer,
    max_steps: data.steps,
    logging_steps: spec.logging_steps,
    eval_steps: spec.eval_steps,
    save_steps: spec.save_steps,
    gradient_checkpointing: spec.gradient_checkpointing,
    resume,
    signal,
  });
  const speed = { at: performance.now(), tokens: resume?.tokens ?? 0 };
  let gradNorm = NaN;
  for await (const event of events) {
    switch (event.type) {
      case "step": {
        const { type, ...point } = event;
        const { step, tokens } = event;
        const now = performance.now();
        const tokens_per_s = Math.round((tokens - speed.tokens) / (now - speed.at) * 1000);
        Object.assign(speed, { at: now, tokens });
        gradNorm = event.grad_norm;
        const measured = { ...point, tokens_per_s };
        const progress = { step, max_steps: data.steps, tokens, tokens_per_s };
        yield { type, data: measured, point: measured, progress };
        break;
      }
      case "eval": {
        const { type, ...point } = event;
        if (!Number.isFinite(event.eval_nll)) {
          throw new DivergedError(event.step, event.eval_nll, gradNorm);
        }
        yield { type, data: { ...point, eval_bits: point.eval_nll / Math.LN2 }, point };
        break;
      }
      default:
        yield event;
    }
    if (event.type !== "step") speed.at = performance.now();
  }
}
