// Random choices for generated rows: a choice depends on (seed, row, how many came before) alone.

import { uniform } from "../shuffle.ts";

/** The choices of one row. */
export class Draw {
  readonly #seed: number;
  readonly #row: number;
  #count = 0;

  /** @param seed of the data set and split; `row` tells the rows of a split apart. */
  constructor(seed: number, row: number) {
    this.#seed = seed;
    this.#row = row;
  }

  /** An integer from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    if (!(low <= high)) throw new RangeError(`Cannot draw from ${low} to ${high}: no such integer`);
    return low + Math.floor(uniform(this.#seed, this.#row, this.#count++) * (high - low + 1));
  }

  /** An integer from −`high` to `high` that is not 0. */
  nonZero(high: number): number {
    const value = this.integer(1, 2 * high);
    return value > high ? high - value : value;
  }

  /** One of `list`. */
  one<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length - 1)]!;
  }

  /** `count` different ones of `list`, in a drawn order. */
  some<T>(list: readonly T[], count: number): T[] {
    const left = [...list];
    return Array.from(
      { length: count },
      () => left.splice(this.integer(0, left.length - 1), 1)[0]!,
    );
  }
}
