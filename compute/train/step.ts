// One optimiser step, recorded once and replayed: forward and backward for each micro-batch, then
// clipping and AdamW. Losses and norms go to a ring on the device and come back together, so that no
// step waits for the host.

import type { Plan, Tensor } from "../backend/backend.ts";
import { HYPER_LENGTH } from "../backend/kernels.ts";
import type { Model } from "../models/model.ts";
import { type ForwardOptions, loss, lossAndGradients } from "../models/transformer.ts";
import { adamwHyper, type AdamWOptions } from "../ops/optimizer.ts";
import type { Batch, StepBatches } from "./batch.ts";
import { BatchBuffers } from "./batch_buffers.ts";
import { MetricsRing, type StepMetrics } from "./metrics_ring.ts";

/** How steps are recorded. */
export interface StepOptions extends ForwardOptions {
  /** Micro-batches of a step that are one submission. @default {1} */
  readonly accumulation?: number;
}

/** Training steps of a model on batches of a fixed number of tokens. */
export class TrainStep {
  readonly #buffers: BatchBuffers;
  readonly #ring: MetricsRing;
  readonly #hyper: Tensor;
  readonly #gradientPlan: Plan;
  readonly #updatePlan: Plan;

  constructor(
    readonly model: Model,
    tokens: number,
    { accumulation: slots = 1, ...options }: StepOptions = {},
  ) {
    const { backend, trainable } = model;
    this.#buffers = new BatchBuffers(backend, tokens, { slots });
    this.#ring = new MetricsRing(backend);
    this.#hyper = backend.empty([HYPER_LENGTH], "f32", "hyper");
    const { loss, sumsq } = this.#ring;
    this.#gradientPlan = backend.record("gradients", () => {
      const nll = lossAndGradients(model, this.#buffers, options);
      const weight = this.#buffers.weight;
      backend.run("dot", { a: nll, b: weight, out: loss }, { n: tokens, accumulate: 1 });
    });
    this.#updatePlan = backend.record("update", () => {
      trainable.sumOfSquares(sumsq);
      trainable.update(this.#hyper, sumsq);
      this.#ring.record();
    });
  }

  /** Bytes of activations and scratch memory. */
  get workspaceBytes(): number {
    return this.#gradientPlan.workspaceBytes + this.#updatePlan.workspaceBytes;
  }

  /** What a step runs: a batch's gradients, then the update. */
  get plans(): readonly [gradients: Plan, update: Plan] {
    return [this.#gradientPlan, this.#updatePlan];
  }

  /** Adds a batch's gradients to the trained parameters', without an update. */
  accumulate(batch: Batch): void {
    this.#buffers.write(batch);
    this.model.backend.replay(this.#gradientPlan);
  }

  /** Submits step `t` (counted from 1). Its metrics come with {@linkcode drain}. */
  run(batches: StepBatches, optimizer: AdamWOptions, t: number): void {
    this.model.backend.write(this.#hyper, adamwHyper(optimizer, t));
    this.#ring.advance();
    this.#buffers.run(batches, this.#gradientPlan, this.#updatePlan);
  }

  /** True if the ring must be read before the next step. */
  get full(): boolean {
    return this.#ring.full;
  }

  /** Waits for the steps so far and returns their metrics since the last call. */
  drain(): Promise<StepMetrics[]> {
    return this.#ring.drain();
  }

  free(): void {
    const { backend } = this.model;
    this.#buffers.free();
    this.#ring.free();
    backend.free(this.#hyper);
    backend.release(this.#gradientPlan);
    backend.release(this.#updatePlan);
  }
}

/** Mean NLL of a model over a fixed set of batches. */
export class EvalStep {
  readonly #buffers: BatchBuffers;
  readonly #ring: MetricsRing;
  readonly #plan: Plan;

  constructor(readonly model: Model, tokens: number) {
    const { backend } = model;
    this.#buffers = new BatchBuffers(backend, tokens);
    this.#ring = new MetricsRing(backend);
    this.#plan = backend.record("evaluate", () => {
      const nll = loss(model, this.#buffers);
      backend.run("dot", { a: nll, b: this.#buffers.weight, out: this.#ring.loss }, {
        n: tokens,
        accumulate: 1,
      });
      this.#ring.record();
    });
  }

  /** Bytes of activations and scratch memory. */
  get workspaceBytes(): number {
    return this.#plan.workspaceBytes;
  }

  /** Mean over all counted tokens, in nats. Each batch's weights are 1 / (its counted tokens). */
  async run(batches: Iterable<Batch>): Promise<{ nll: number; tokens: number }> {
    const { backend } = this.model;
    const counted: number[] = [];
    const losses: number[] = [];
    const drain = async () => losses.push(...(await this.#ring.drain()).map((m) => m.loss));
    for (const batch of batches) {
      if (this.#ring.full) await drain();
      this.#buffers.write(batch);
      this.#ring.advance();
      backend.replay(this.#plan);
      counted.push(batch.counted);
    }
    await drain();
    return meanNll(losses, counted);
  }

  free(): void {
    this.#buffers.free();
    this.#ring.free();
    this.model.backend.release(this.#plan);
  }
}

/**
 * The mean over all counted tokens of batches with these means.
 *
 * @throws {RangeError} if there is no counted token.
 */
export function meanNll(
  losses: readonly number[],
  counted: readonly number[],
): { nll: number; tokens: number } {
  const tokens = counted.reduce((sum, n) => sum + n, 0);
  if (tokens === 0) throw new RangeError("Cannot evaluate: the set has no counted tokens");
  const total = losses.reduce((sum, mean, i) => sum + mean * counted[i]!, 0);
  return { nll: total / tokens, tokens };
}
