// One policy-gradient step, recorded once and replayed for each micro-batch; then clipping and AdamW: one
// submission. One read brings back the metrics of the whole step.

import { type Plan, type Tensor, view } from "../backend/backend.ts";
import { HYPER_LENGTH, TERMS_WIDTH } from "../backend/kernels.ts";
import type { Model } from "../models/model.ts";
import { type PolicyGradientOptions, policyGradients } from "../models/policy.ts";
import { adamwHyper, type AdamWOptions } from "../ops/optimizer.ts";
import { BatchBuffers } from "./batch_buffers.ts";
import type { RolloutBatch } from "./rollout.ts";
import type { StepOptions } from "./step.ts";

/** Where the gradients' squared norm lies in the metrics: views start at multiples of 256 bytes. */
const SUMSQ_AT = 64;

/** A step's metrics, before its update. Means are over the counted tokens; absent where none counts. */
export interface GrpoMetrics {
  readonly loss: number;
  /** Before clipping. */
  readonly grad_norm: number;
  /** Mean |ratio − 1| of the importance ratios. */
  readonly ratio_deviation?: number;
  /** Share of tokens whose ratio was clipped. */
  readonly clip_ratio?: number;
  /** Mean KL to the reference (the k3 estimate), in nats; 0 without one. */
  readonly kl?: number;
  /** Of the policy at the sampling temperature, in nats. */
  readonly entropy?: number;
}

/** Policy-gradient steps of a model on micro-batches of a fixed number of tokens. */
export class GrpoStep {
  readonly #buffers: BatchBuffers;
  readonly #ones: Tensor;
  readonly #metrics: Tensor;
  readonly #hyper: Tensor;
  readonly #gradientPlan: Plan;
  readonly #updatePlan: Plan;

  constructor(
    readonly model: Model,
    tokens: number,
    { accumulation: slots = 1, ...options }: PolicyGradientOptions & StepOptions,
  ) {
    const { backend, trainable } = model;
    this.#buffers = new BatchBuffers(backend, tokens, { slots, kind: "sampled" });
    this.#ones = backend.empty([tokens, 1], "f32", "ones");
    backend.run("fill", { y: this.#ones }, { n: tokens, value: 1 });
    this.#metrics = backend.empty([SUMSQ_AT + 1], "f32", "metrics");
    this.#hyper = backend.empty([HYPER_LENGTH], "f32", "hyper");
    const sums = view(this.#metrics, 0, [1, TERMS_WIDTH], "metrics.terms");
    const sumsq = view(this.#metrics, SUMSQ_AT, [1], "metrics.sumsq");
    this.#gradientPlan = backend.record("policy gradients", () => {
      const terms = policyGradients(model, this.#buffers, this.#buffers.sampled!, options);
      const sizes = { m: 1, n: TERMS_WIDTH, k: tokens, alpha: 1, accumulate: 1 };
      backend.run("gemm_tn", { a: this.#ones, b: terms, y: sums }, sizes);
      backend.free(terms);
    });
    this.#updatePlan = backend.record("update", () => {
      trainable.sumOfSquares(sumsq);
      trainable.update(this.#hyper, sumsq);
    });
  }

  /** Bytes of activations and scratch memory. */
  get workspaceBytes(): number {
    return this.#gradientPlan.workspaceBytes + this.#updatePlan.workspaceBytes;
  }

  /** Makes step `t` (counted from 1) and returns its metrics. */
  async run(
    batches: readonly RolloutBatch[],
    optimizer: AdamWOptions,
    t: number,
  ): Promise<GrpoMetrics> {
    const { backend } = this.model;
    backend.write(this.#metrics, new Float32Array(SUMSQ_AT + 1));
    backend.write(this.#hyper, adamwHyper(optimizer, t));
    this.#buffers.run(batches, this.#gradientPlan, this.#updatePlan);
    const metrics = await backend.read(this.#metrics);
    const counted = batches.reduce((sum, batch) => sum + batch.counted, 0);
    const [loss, deviation, clipped, kl, entropy] = metrics;
    const own = { loss: loss!, grad_norm: Math.sqrt(metrics[SUMSQ_AT]!) };
    return counted === 0 ? own : {
      ...own,
      ratio_deviation: deviation! / counted,
      clip_ratio: clipped! / counted,
      kl: kl! / counted,
      entropy: entropy! / counted,
    };
  }

  /** Frees the step's memory; the model stays. */
  free(): void {
    const { backend } = this.model;
    this.#buffers.free();
    [this.#ones, this.#metrics, this.#hyper].forEach((t) => backend.free(t));
    backend.release(this.#gradientPlan);
    backend.release(this.#updatePlan);
  }
}
