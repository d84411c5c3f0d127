// A supervised run as its job tells it: the trainer's events with speeds.

import type { Model } from "../../compute/models/model.ts";
import {
  DivergedError,
  type TrainEvent,
  type TrainingState,
  trainSft,
} from "../../compute/train/sft.ts";
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
  const teller = sftTeller(data.steps, resume);
  const events = trainSft({
    model,
    optimizer: spec.optimizer,
    resume,
    ...sharedOptions(spec, data),
    signal,
  });
  for await (const event of events) {
    yield teller.tell(event);
    if (event.type !== "step") teller.goOn();
  }
}

/** What a spec says of training beside the model and its optimiser. */
export function sharedOptions(spec: RunSpec, data: TrainingData) {
  return {
    batches: data.loader,
    evalBatches: data.evalBatches,
    tokensPerBatch: data.loader.tokensPerBatch,
    gradient_accumulation_steps: spec.gradient_accumulation_steps,
    max_steps: data.steps,
    logging_steps: spec.logging_steps,
    eval_steps: spec.eval_steps,
    save_steps: spec.save_steps,
    gradient_checkpointing: spec.gradient_checkpointing,
  };
}

/** Makes a run's events out of a trainer's. */
export interface SftTeller {
  /** @throws {DivergedError} when a held-out loss is not finite. */
  tell(event: TrainEvent): JobEvent;
  /** Says that training goes on only now: what came before does not count for its speed. */
  goOn(): void;
}

/** A teller for a run of so many steps. */
export function sftTeller(
  max_steps: number,
  resume: TrainingState | undefined,
): SftTeller {
  const speed = { at: performance.now(), tokens: resume?.tokens ?? 0 };
  let gradNorm = NaN;
  const tell = (event: TrainEvent): JobEvent => {
    switch (event.type) {
      case "step": {
        const { type, ...point } = event;
        const { step, tokens } = event;
        const now = performance.now();
        const tokens_per_s = Math.round((tokens - speed.tokens) / (now - speed.at) * 1000);
        Object.assign(speed, { at: now, tokens });
        gradNorm = event.grad_norm;
        const measured = { ...point, tokens_per_s };
        return {
          type,
          data: measured,
          point: measured,
          progress: { step, max_steps, tokens, tokens_per_s },
        };
      }
      case "eval": {
        const { type, ...point } = event;
        if (!Number.isFinite(event.eval_nll)) {
          throw new DivergedError(event.step, event.eval_nll, gradNorm);
        }
        return { type, data: { ...point, eval_bits: point.eval_nll / Math.LN2 }, point };
      }
      default:
        return event;
    }
  };
  return { tell, goOn: () => void (speed.at = performance.now()) };
}
