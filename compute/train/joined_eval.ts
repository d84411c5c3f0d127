// The held-out loss of several adapters on one copy of the base.

import type { Plan } from "../backend/backend.ts";
import type { Model } from "../models/model.ts";
import { loss } from "../models/transformer.ts";
import type { Batch } from "./batch.ts";
import { BatchBuffers } from "./batch_buffers.ts";
import { recordLanes } from "./joined_step.ts";
import { MetricsRing } from "./metrics_ring.ts";
import { meanNll } from "./step.ts";

/** Mean NLL of K models on one base over a fixed set of batches. */
export class JoinedEval {
  readonly #buffers: BatchBuffers;
  readonly #rings: readonly MetricsRing[];
  readonly #plans: readonly Plan[];

  constructor(readonly members: readonly [Model, ...Model[]], tokens: number) {
    const { backend } = members[0];
    this.#buffers = new BatchBuffers(backend, tokens);
    this.#rings = members.map(() => new MetricsRing(backend));
    this.#plans = recordLanes(backend, "evaluate", { members: members.length, tokens }, (i) => {
      const nll = loss(members[i]!, this.#buffers), ring = this.#rings[i]!;
      const { weight } = this.#buffers;
      backend.run("dot", { a: nll, b: weight, out: ring.loss }, { n: tokens, accumulate: 1 });
      ring.record();
      backend.free(nll);
    });
  }

  /** Each member's mean over all counted tokens, in nats. Each batch's weights are 1 / (its counted tokens). */
  async run(batches: Iterable<Batch>): Promise<{ nll: number; tokens: number }[]> {
    const counted: number[] = [];
    const losses: number[][] = this.members.map(() => []);
    const drain = async () => {
      for (const [i, ring] of this.#rings.entries()) {
        losses[i]!.push(...(await ring.drain()).map((metrics) => metrics.loss));
      }
    };
    for (const batch of batches) {
      if (this.#rings[0]!.full) await drain();
      this.#buffers.write(batch);
      this.#rings.forEach((ring) => ring.advance());
      this.members[0].backend.replayEach(this.#plans);
      counted.push(batch.counted);
    }
    await drain();
    return losses.map((own) => meanNll(own, counted));
  }

  /** Gives the memory back; the models stay. */
  free(): void {
    this.#buffers.free();
    this.#rings.forEach((ring) => ring.free());
    this.#plans.forEach((plan) => this.members[0].backend.release(plan));
  }
}
