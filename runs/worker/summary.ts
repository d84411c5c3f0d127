// What a run's result says of its curves.

import type { MetricPoint, RunResult } from "../spec/run.ts";

/** The first, last and best of a curve. */
class Track {
  first: number | null = null;
  last: number | null = null;
  best: number | null = null;

  constructor(readonly better: (a: number, b: number) => number) {}

  add(value: number | undefined): void {
    if (value === undefined) return;
    this.first ??= value;
    this.last = value;
    this.best = this.best === null ? value : this.better(this.best, value);
  }
}

/** Keeps what the result is made of. */
export class Summary {
  readonly #nll = new Track(Math.min);
  readonly #accuracy = new Track(Math.max);
  #last: MetricPoint = { step: 0 };

  /** `earlier`: the points of attempts before this one, up to the checkpoint. */
  constructor(earlier: readonly MetricPoint[]) {
    earlier.forEach((point) => this.add(point));
  }

  /** Takes a point. */
  add(point: MetricPoint): void {
    this.#last = { ...this.#last, ...point };
    this.#nll.add(point.eval_nll);
    this.#accuracy.add(point.accuracy);
  }

  /** The curves' part of a result. */
  result(): Omit<RunResult, "trainable_parameters" | "peak_memory_bytes" | "seconds" | "adapter"> {
    const { step, tokens, train_nll, eval_tokens, eval_problems, episodes } = this.#last;
    return {
      steps: step,
      tokens: tokens ?? 0,
      train_nll: train_nll ?? null,
      initial_eval_nll: this.#nll.first,
      eval_nll: this.#nll.last,
      eval_bits: this.#nll.last === null ? null : this.#nll.last / Math.LN2,
      best_eval_nll: this.#nll.best,
      eval_tokens: eval_tokens ?? null,
      ...(this.#accuracy.last !== null || episodes !== undefined
        ? {
          initial_accuracy: this.#accuracy.first,
          accuracy: this.#accuracy.last,
          best_accuracy: this.#accuracy.best,
          eval_problems: eval_problems ?? null,
          episodes: episodes ?? null,
        }
        : {}),
    };
  }
}
