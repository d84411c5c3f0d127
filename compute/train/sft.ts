// Supervised fine-tuning: a flat loop that receives batches and yields what happens. It opens no file
// and knows no clock.
//
// Where this differs from the paper's description (Schulman et al. 2025, "Methods"):
//  1. Accumulated micro-batches weigh by their counted tokens, so that 8 × 1 equals 1 × 8.
//  2. The gradient norm is clipped to `max_grad_norm` (1 by default); the paper does not say.

import type { Model } from "../models/model.ts";
import type { Batch, BatchSource } from "./batch.ts";
import type { StepMetrics } from "./metrics_ring.ts";
import { optimizerAt, type ScheduledAdamW } from "./schedule.ts";
import { EvalStep, TrainStep } from "./step.ts";

/** What a run needs. Numbers are named as in a run spec. */
export interface SftOptions {
  readonly model: Model;
  readonly batches: BatchSource;
  /** A fixed held-out set; every batch has as many tokens as the first. */
  readonly evalBatches?: readonly Batch[] | undefined;
  /** Tokens in a micro-batch. */
  readonly tokensPerBatch: number;
  /** Micro-batches of a step, at most. @default {1} */
  readonly gradient_accumulation_steps?: number | undefined;
  readonly optimizer: ScheduledAdamW;
  readonly max_steps: number;
  readonly logging_steps: number;
  /** Steps between evaluations; a list names the steps themselves. */
  readonly eval_steps: number | readonly number[];
  readonly save_steps: number;
  readonly gradient_checkpointing?: boolean | undefined;
  /** Where to go on from. */
  readonly resume?: TrainingState | undefined;
  /** Stops the run after the step in progress, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
}

/** Everything that a run needs to go on as if nothing had happened. */
export interface TrainingState {
  readonly step: number;
  /** Counted tokens seen. */
  readonly tokens: number;
  /** The data's position after `step` steps. */
  readonly cursor: unknown;
  /** Values and moments of the trained parameters; see TrainableSet. */
  readonly arrays: readonly Float32Array[];
}

/** One thing that happened. `step` counts finished steps. */
export type TrainEvent =
  | {
    readonly type: "step";
    readonly step: number;
    readonly tokens: number;
    /** Loss of this step's batch before its update, in nats. */
    readonly train_nll: number;
    /** Norm before clipping. */
    readonly grad_norm: number;
    readonly learning_rate: number;
  }
  | {
    readonly type: "eval";
    readonly step: number;
    readonly tokens: number;
    readonly eval_nll: number;
    readonly eval_tokens: number;
  }
  | { readonly type: "checkpoint"; readonly state: TrainingState }
  | { readonly type: "end"; readonly step: number; readonly reason: EndReason };

/** Why a run ended. */
export type EndReason = "max_steps" | "end_of_data" | "aborted";

/** A loss or gradient that is not a number. */
export class DivergedError extends Error {
  override readonly name = "DivergedError";
  constructor(readonly step: number, readonly loss: number, readonly gradNorm: number) {
    super(
      `Cannot go on after step ${step}: loss is ${loss}, gradient norm is ${gradNorm}; ` +
        `lower the learning rate`,
    );
  }
}

/**
 * Trains, yielding events in the order of their steps.
 *
 * @throws {DivergedError} when a loss or norm is not finite.
 */
export async function* trainSft(options: SftOptions): AsyncGenerator<TrainEvent> {
  const { model, batches, evalBatches, optimizer, resume, signal } = options;
  const trainStep = new TrainStep(model, options.tokensPerBatch, {
    gradientCheckpointing: options.gradient_checkpointing ?? false,
    accumulation: options.gradient_accumulation_steps ?? 1,
  });
  const evalStep = evalBatches?.[0] && new EvalStep(model, evalBatches[0].ids.length);
  let step = resume?.step ?? 0;
  let tokens = resume?.tokens ?? 0;
  if (resume) {
    model.trainable.restore(resume.arrays);
    batches.seek(resume.cursor);
  }

  const evaluate = async (): Promise<TrainEvent> => {
    const { nll, tokens: evalTokens } = await evalStep!.run(evalBatches!);
    return { type: "eval", step, tokens, eval_nll: nll, eval_tokens: evalTokens };
  };
  const checkpoint = async (): Promise<TrainEvent> => {
    const arrays = await model.trainable.state();
    return { type: "checkpoint", state: { step, tokens, cursor: batches.cursor(), arrays } };
  };

  /** Counted tokens after each step whose metrics are still on the device. */
  const pending: number[] = [];
  const drain = async (): Promise<TrainEvent[]> => {
    const metrics = await trainStep.drain();
    return stepEvents(metrics, { last: step, tokens: pending.splice(0), ...options });
  };

  try {
    let reason: EndReason = "max_steps";
    let saved = step;
    if (evalStep && !resume) yield await evaluate();
    while (step < options.max_steps) {
      if (signal?.aborted) {
        reason = "aborted";
        break;
      }
      const micro = await batches.next();
      if (!micro) {
        reason = "end_of_data";
        break;
      }
      step++;
      tokens += micro.reduce((sum, batch) => sum + batch.counted, 0);
      trainStep.run(micro, optimizerAt(optimizer, step, options.max_steps), step);
      pending.push(tokens);

      const evalDue = evalStep && isDue(step, options.eval_steps);
      const saveDue = step % options.save_steps === 0;
      const logDue = step === 1 || step % options.logging_steps === 0;
      if (evalDue || saveDue || logDue || trainStep.full) {
        yield* await drain();
      }
      if (evalDue) yield await evaluate();
      if (saveDue) {
        yield await checkpoint();
        saved = step;
      }
    }
    yield* await drain();
    if (evalStep && !isDue(step, options.eval_steps) && reason !== "aborted" && step > 0) {
      yield await evaluate();
    }
    if (saved !== step || step === 0) yield await checkpoint();
    yield { type: "end", step, reason };
  } finally {
    trainStep.free();
    evalStep?.free();
  }
}

/** Where measured steps lie in a run. */
interface MeasuredSteps extends Pick<SftOptions, "max_steps" | "logging_steps"> {
  /** The last of them. */
  readonly last: number;
  /** Counted tokens after each. */
  readonly tokens: readonly number[];
  readonly optimizer: ScheduledAdamW;
}

/**
 * The events of those steps that are logged.
 *
 * @throws {DivergedError} when a loss or norm is not finite.
 */
export function stepEvents(
  metrics: readonly StepMetrics[],
  { last, tokens, optimizer, max_steps, logging_steps }: MeasuredSteps,
): TrainEvent[] {
  const events: TrainEvent[] = [];
  metrics.forEach(({ loss, gradNorm }, i) => {
    const step = last - metrics.length + 1 + i;
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
      throw new DivergedError(step, loss, gradNorm);
    }
    if (step % logging_steps !== 0 && step !== 1) return;
    events.push({
      type: "step",
      step,
      tokens: tokens[i]!,
      train_nll: loss,
      grad_norm: gradNorm,
      learning_rate: optimizerAt(optimizer, step, max_steps).learning_rate,
    });
  });
  return events;
}

/** Whether a step is one of those named, or of those counted. */
export function isDue(step: number, every: number | readonly number[]): boolean {
  return typeof every === "number" ? step % every === 0 : every.includes(step);
}
