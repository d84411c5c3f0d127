// One optimiser step of several adapters on one copy of the base, on the same batch. Loss, clipping and
// AdamW are each member's own, and every bit is what it would be if the member were alone.

import type { Backend, Plan, Tensor } from "../backend/backend.ts";
import { HYPER_LENGTH } from "../backend/kernels.ts";
import { joinedLossAndGradients, joinModels } from "../models/joined_models.ts";
import type { Model } from "../models/model.ts";
import { lossAndGradients } from "../models/transformer.ts";
import { rowsOf } from "../ops/linear_each.ts";
import { adamwHyper, type AdamWOptions } from "../ops/optimizer.ts";
import type { Batch, StepBatches } from "./batch.ts";
import { BatchBuffers } from "./batch_buffers.ts";
import { MetricsRing, type StepMetrics } from "./metrics_ring.ts";
import type { StepOptions } from "./step.ts";

/** A batch's tokens have to be a multiple of this, so that every member's rows start where a device can bind them. */
const JOINED_TOKENS = 64;

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

/**
 * How members are run: `one` pass over K·N rows, with as many kernels as one model has, or `each` by itself,
 * as {@linkcode recordLanes} says.
 */
export type JoinedPass = "one" | "each";

/** A GPU is filled by long kernels, where they can be joined; threads do best when they need not meet. */
function passFor([{ backend, config }]: readonly [Model, ...Model[]], tokens: number): JoinedPass {
  const joinable = !config.experts && tokens % JOINED_TOKENS === 0;
  return backend.info.kind === "webgpu" && joinable ? "one" : "each";
}

/**
 * With no more tokens than this a thread takes members of its own; with more, all threads share out each kernel.
 * Short kernels wait for each other too often; long ones even out what other work on the machine takes.
 */
const LANE_TOKENS = 512;

/** What `run` does for each member, as plans that may run at the same time; members of a plan share its workspace. */
export function recordLanes(
  backend: Backend,
  label: string,
  { members, tokens }: { readonly members: number; readonly tokens: number },
  run: (member: number) => void,
): Plan[] {
  const lanes = tokens > LANE_TOKENS ? 1 : Math.min(members, backend.info.lanes);
  return Array.from({ length: lanes }, (_, lane) =>
    backend.record(label, () => {
      for (let member = lane; member < members; member += lanes) run(member);
    }));
}

/** The input of K members on a device: once for all, or laid end to end K times. */
class JoinedBuffers {
  readonly tensors: BatchBuffers;
  readonly #times: number;

  /** `tokens` of one member's micro-batch; for pass `one` a multiple of {@linkcode JOINED_TOKENS}. */
  constructor(backend: Backend, members: number, tokens: number, pass: JoinedPass, slots: number) {
    if (pass === "one" && tokens % JOINED_TOKENS !== 0) {
      throw new RangeError(
        `Cannot train ${members} adapters together on batches of ${tokens} tokens: ` +
          `expected a multiple of ${JOINED_TOKENS}`,
      );
    }
    this.#times = pass === "one" ? members : 1;
    this.tensors = new BatchBuffers(backend, tokens * this.#times, { slots });
  }

  /** A batch for every member. */
  forAll(batch: Batch): Batch {
    return this.#times === 1 ? batch : repeated(batch, this.#times);
  }

  /** Gives the memory back. */
  free(): void {
    this.tensors.free();
  }
}

/** Training steps of K models on one base. */
export class JoinedStep {
  readonly #backend: Backend;
  readonly #buffers: JoinedBuffers;
  readonly #rings: readonly MetricsRing[];
  readonly #hypers: readonly Tensor[];
  readonly #gradientPlans: readonly Plan[];
  readonly #updatePlans: readonly Plan[];

  /** `tokens` of one member's micro-batch. */
  constructor(
    readonly members: readonly [Model, ...Model[]],
    readonly tokens: number,
    { pass = passFor(members, tokens), accumulation = 1, ...options }: StepOptions & {
      readonly pass?: JoinedPass;
    } = {},
  ) {
    const { backend } = members[0];
    this.#backend = backend;
    const joined = pass === "one" ? joinModels(members) : undefined;
    this.#buffers = new JoinedBuffers(backend, members.length, tokens, pass, accumulation);
    const batch = this.#buffers.tensors;
    this.#rings = members.map(() => new MetricsRing(backend));
    this.#hypers = members.map(() => backend.empty([HYPER_LENGTH], "f32", "hyper"));
    const addLoss = (nll: Tensor, weight: Tensor, ring: MetricsRing) =>
      backend.run("dot", { a: nll, b: weight, out: ring.loss }, { n: tokens, accumulate: 1 });
    const gradients = (i: number) => {
      const nll = lossAndGradients(members[i]!, batch, options);
      addLoss(nll, batch.weight, this.#rings[i]!);
      backend.free(nll);
    };
    const update = (i: number) => {
      const { trainable } = members[i]!, { sumsq } = this.#rings[i]!;
      trainable.sumOfSquares(sumsq);
      trainable.update(this.#hypers[i]!, sumsq);
      this.#rings[i]!.record();
    };
    const size = { members: members.length, tokens };
    this.#gradientPlans = joined
      ? [
        backend.record("joined gradients", () =>
          joinedLossAndGradients(joined, batch, options).forEach((nll, i) =>
            addLoss(nll, rowsOf(batch.weight, i, members.length), this.#rings[i]!)
          )),
      ]
      : recordLanes(backend, "gradients", size, gradients);
    this.#updatePlans = recordLanes(backend, "update", size, update);
  }

  /** Bytes of activations and scratch memory. */
  get workspaceBytes(): number {
    return [...this.#gradientPlans, ...this.#updatePlans]
      .reduce((sum, plan) => sum + plan.workspaceBytes, 0);
  }

  /** Submits step `t` (counted from 1) of every member, each with its own optimiser. */
  run(batches: StepBatches, optimizers: readonly AdamWOptions[], t: number): void {
    this.#rings.forEach((ring, i) => {
      this.#backend.write(this.#hypers[i]!, adamwHyper(optimizers[i]!, t));
      ring.advance();
    });
    const { tensors } = this.#buffers, all = batches.map((batch) => this.#buffers.forAll(batch));
    if (this.#gradientPlans.length === 1 && this.#updatePlans.length === 1) {
      return tensors.run(all, this.#gradientPlans[0]!, this.#updatePlans[0]!);
    }
    // Threads have plans of their own, and wait for each other between batches.
    for (const batch of all) {
      tensors.write(batch);
      this.#backend.replayEach(this.#gradientPlans);
    }
    this.#backend.replayEach(this.#updatePlans);
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
    this.#buffers.free();
    this.#rings.forEach((ring) => ring.free());
    this.#hypers.forEach((hyper) => this.#backend.free(hyper));
    [...this.#gradientPlans, ...this.#updatePlans].forEach((plan) => this.#backend.release(plan));
  }
}
