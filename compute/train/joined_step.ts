// One optimiser step of several adapters on one base: the batch of each is the same, laid end to end once
// for every member; loss, clipping and AdamW are each member's own.

import type { Plan, Tensor } from "../backend/backend.ts";
import { HYPER_LENGTH } from "../backend/kernels.ts";
import { joinedLossAndGradients, type JoinedModels, joinModels } from "../models/joined_models.ts";
import type { Model } from "../models/model.ts";
import type { ForwardOptions } from "../models/transformer.ts";
import { rowsOf } from "../ops/linear_each.ts";
import { adamwHyper, type AdamWOptions } from "../ops/optimizer.ts";
import type { Batch, StepBatches } from "./batch.ts";
import { BatchBuffers } from "./batch_buffers.ts";
import { MetricsRing, type StepMetrics } from "./metrics_ring.ts";

/** A batch's tokens have to be a multiple of this, so that every member's rows start where a device can bind them. */
export const JOINED_TOKENS = 64;

/** `batch` end to end `times` times; `counted` stays that of one. */
export function repeated(batch: Batch, times: number): Batch {
  const n = batch.ids.length;
  const copies = <T extends Uint32Array | Float32Array>(values: T, result: T, shift = 0): T => {
    for (let k = 0; k < times; k++) {
      result.set(shift ? values.map((value) => value + k * shift) : values, k * n);
    }
    return result;
  };
  const u32 = (values: Uint32Array, shift?: number) =>
    copies(values, new Uint32Array(n * times), shift);
  return {
    ids: u32(batch.ids),
    targets: u32(batch.targets),
    weight: copies(batch.weight, new Float32Array(n * times)),
    start: u32(batch.start, n),
    end: u32(batch.end, n),
    counted: batch.counted,
  };
}

function buffersFor(joined: JoinedModels, tokens: number): BatchBuffers {
  if (tokens % JOINED_TOKENS !== 0) {
    throw new RangeError(
      `Cannot train ${joined.members.length} adapters together on batches of ${tokens} tokens: ` +
        `expected a multiple of ${JOINED_TOKENS}`,
    );
  }
  return new BatchBuffers(joined.decoder.backend, tokens * joined.members.length);
}

/** Adds a loss to each member's ring: Σ weight · nll over its own rows. */
function addLosses(nlls: readonly Tensor[], weight: Tensor, rings: readonly MetricsRing[]): void {
  nlls.forEach((a, i) => {
    const b = rowsOf(weight, i, nlls.length);
    rings[i]!.backend.run("dot", { a, b, out: rings[i]!.loss }, {
      n: a.shape[0]!,
      accumulate: 1,
    });
  });
}

/** Training steps of K models on one base. */
export class JoinedStep {
  readonly #joined: JoinedModels;
  readonly #buffers: BatchBuffers;
  readonly #rings: readonly MetricsRing[];
  readonly #hypers: readonly Tensor[];
  readonly #gradientPlan: Plan;
  readonly #updatePlan: Plan;

  /** `tokens` of one member's micro-batch, a multiple of {@linkcode JOINED_TOKENS}. */
  constructor(
    readonly members: readonly Model[],
    readonly tokens: number,
    options: ForwardOptions = {},
  ) {
    this.#joined = joinModels(members);
    const { backend } = this.#joined.decoder;
    this.#buffers = buffersFor(this.#joined, tokens);
    this.#rings = members.map(() => new MetricsRing(backend));
    this.#hypers = members.map(() => backend.empty([HYPER_LENGTH], "f32", "hyper"));
    this.#gradientPlan = backend.record("joined gradients", () => {
      const nlls = joinedLossAndGradients(this.#joined, this.#buffers, options);
      addLosses(nlls, this.#buffers.weight, this.#rings);
    });
    this.#updatePlan = backend.record("joined update", () =>
      members.forEach(({ trainable }, i) => {
        const { sumsq } = this.#rings[i]!;
        trainable.sumOfSquares(sumsq);
        trainable.update(this.#hypers[i]!, sumsq);
        this.#rings[i]!.record();
      }));
  }

  /** Bytes of activations and scratch memory. */
  get workspaceBytes(): number {
    return this.#gradientPlan.workspaceBytes + this.#updatePlan.workspaceBytes;
  }

  /** Submits step `t` (counted from 1) of every member, each with its own optimiser. */
  run(batches: StepBatches, optimizers: readonly AdamWOptions[], t: number): void {
    const { backend } = this.#joined.decoder;
    for (const batch of batches) {
      this.#buffers.write(repeated(batch, this.members.length));
      backend.replay(this.#gradientPlan);
    }
    this.#rings.forEach((ring, i) => {
      backend.write(this.#hypers[i]!, adamwHyper(optimizers[i]!, t));
      ring.advance();
    });
    backend.replay(this.#updatePlan);
  }

  /** True if the metrics must be read before the next step. */
  get full(): boolean {
    return this.#rings[0]!.full;
  }

  /** Waits for the steps so far and returns each member's metrics since the last call. */
  async drain(): Promise<StepMetrics[][]> {
    const metrics: StepMetrics[][] = [];
    for (const ring of this.#rings) metrics.push(await ring.drain());
    return metrics;
  }

  /** Gives the memory back; the models stay. */
  free(): void {
    const { backend } = this.#joined.decoder;
    this.#buffers.free();
    this.#rings.forEach((ring) => ring.free());
    this.#hypers.forEach((hyper) => backend.free(hyper));
    backend.release(this.#gradientPlan);
    backend.release(this.#updatePlan);
  }
}
