// Problems in the order of a run, with a position that can be stored and sought: an epoch is a seeded
// shuffle, and a step takes the next few.

import { shuffled } from "./shuffle.ts";

/** The number of problems taken so far. */
export interface ProblemCursor {
  readonly problems: number;
}

/** A fixed set of problems, `epochs` times over. */
export class ProblemLoader<P> {
  #order: { epoch: number; problems: Uint32Array } | undefined;
  #position = 0;

  constructor(readonly problems: readonly P[], readonly epochs: number, readonly seed: number) {}

  /** How often `count` problems can be taken. */
  steps(count: number): number {
    return Math.floor(this.problems.length * this.epochs / count);
  }

  /** The next `count` problems, or undefined where fewer are left. */
  next(count: number): P[] | undefined {
    if (this.#position + count > this.problems.length * this.epochs) return undefined;
    return Array.from({ length: count }, () => this.#at(this.#position++));
  }

  /** The position after the last `next()`. */
  cursor(): ProblemCursor {
    return { problems: this.#position };
  }

  /** @throws {RangeError} if the position is not in this data. */
  seek(cursor: unknown): void {
    const at = (cursor as Partial<ProblemCursor> | null)?.problems;
    const last = this.problems.length * this.epochs;
    if (typeof at !== "number" || !Number.isInteger(at) || at < 0 || at > last) {
      throw new RangeError(
        `Cannot go to problem ${at}: this data has ${last} problems over all epochs`,
      );
    }
    this.#position = at;
  }

  #at(position: number): P {
    const epoch = Math.floor(position / this.problems.length);
    if (this.#order?.epoch !== epoch) {
      this.#order = { epoch, problems: shuffled(this.problems.length, this.seed, epoch) };
    }
    return this.problems[this.#order.problems[position % this.problems.length]!]!;
  }
}
