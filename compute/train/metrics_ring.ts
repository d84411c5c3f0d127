// Losses and gradient norms stay on the device for many steps and come back together.

import type { Backend, Tensor } from "../backend/backend.ts";
import { RING_WIDTH } from "../backend/kernels.ts";

/** Steps whose metrics the ring holds: it must be read at least this often. */
const RING_SLOTS = 128;

/** A step's loss Σ weight · nll before its update, and its gradient norm before clipping. */
export interface StepMetrics {
  readonly loss: number;
  readonly gradNorm: number;
}

/** Σ weight · nll and gradient norms, slot by slot. The gradients' plan adds to `loss`, the update's plan fills `sumsq`. */
export class MetricsRing {
  readonly loss: Tensor;
  readonly sumsq: Tensor;
  readonly #slot: Tensor;
  readonly #ring: Tensor;
  #used = 0;

  constructor(readonly backend: Backend) {
    this.loss = backend.empty([1], "f32", "metrics.loss");
    this.sumsq = backend.empty([1], "f32", "metrics.sumsq");
    this.#slot = backend.empty([1], "u32", "metrics.slot");
    this.#ring = backend.empty([RING_SLOTS, RING_WIDTH], "f32", "metrics.ring");
    backend.write(this.loss, new Float32Array(1));
    backend.write(this.sumsq, new Float32Array(1));
  }

  /** True if it must be read before the next step. */
  get full(): boolean {
    return this.#used === RING_SLOTS;
  }

  /** Records the kernel that stores the current values. */
  record(): void {
    this.backend.run("record_metrics", {
      loss: this.loss,
      sumsq: this.sumsq,
      slot: this.#slot,
      ring: this.#ring,
    }, {});
  }

  /** Chooses the slot that the next replay fills. */
  advance(): void {
    this.backend.write(this.#slot, Uint32Array.of(this.#used++));
  }

  /** Everything since the last read, oldest first. */
  async drain(): Promise<StepMetrics[]> {
    if (this.#used === 0) return [];
    const ring = await this.backend.read(this.#ring);
    const metrics = Array.from({ length: this.#used }, (_, i) => ({
      loss: ring[i * RING_WIDTH]!,
      gradNorm: ring[i * RING_WIDTH + 1]!,
    }));
    this.#used = 0;
    return metrics;
  }

  /** Gives the memory back. */
  free(): void {
    [this.loss, this.sumsq, this.#slot, this.#ring].forEach((t) => this.backend.free(t));
  }
}
