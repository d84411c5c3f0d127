// Optimiser steps out of examples, with a position that can be stored and sought: an epoch is a
// seeded shuffle of the packed rows, and step s takes the s-th `batchSize` of them.

import { type Batch, type Example, IGNORED_TARGET } from "./example.ts";
import { layOut, packRows, type Row, weigh } from "./pack.ts";
import { shuffled } from "./shuffle.ts";

/** How examples become batches. */
export interface LoaderOptions {
  readonly examples: readonly Example[];
  /** Tokens of a row. */
  readonly maxLength: number;
  /** Rows of one optimiser step, over all its micro-batches. */
  readonly batchSize: number;
  readonly accumulation: number;
  /** Whether examples share rows. */
  readonly packing: boolean;
  readonly epochs: number;
  readonly seed: number;
}

/** The number of rows taken so far. */
export interface Cursor {
  readonly rows: number;
}

/** Steps of a fixed shape. */
export class Loader {
  readonly #options: LoaderOptions;
  readonly #rows: readonly Row[];
  #order: { epoch: number; rows: Uint32Array } | undefined;
  #position = 0;

  /** @throws {RangeError} if there is no example, or one is longer than a row. */
  constructor(options: LoaderOptions) {
    const { examples, maxLength, packing } = options;
    if (examples.length === 0) throw new RangeError("Cannot train: the dataset has no examples");
    if (!countsAny(examples)) throw new RangeError("Cannot train: no token of the dataset counts");
    this.#options = options;
    this.#rows = rowsOf(examples, maxLength, packing);
  }

  /** Tokens of a micro-batch. */
  get tokensPerBatch(): number {
    const { batchSize, accumulation, maxLength } = this.#options;
    return batchSize / accumulation * maxLength;
  }

  /** Steps until the data is used up. */
  get steps(): number {
    return Math.ceil(this.#rows.length * this.#options.epochs / this.#options.batchSize);
  }

  /** The next step's micro-batches, or undefined at the end of the last epoch. */
  next(): Batch[] | undefined {
    const { batchSize, accumulation, epochs, examples, maxLength } = this.#options;
    const last = this.#rows.length * epochs;
    if (this.#position >= last) return undefined;
    const rows: Row[] = [];
    for (; rows.length < batchSize && this.#position < last; this.#position++) {
      rows.push(this.#rowAt(this.#position));
    }
    const size = batchSize / accumulation;
    return weigh(Array.from(
      { length: accumulation },
      (_, i) => layOut(examples, rows.slice(i * size, (i + 1) * size), size, maxLength),
    ));
  }

  cursor(): Cursor {
    return { rows: this.#position };
  }

  /** @throws {RangeError} if the position is not in this data. */
  seek(cursor: unknown): void {
    const rows = (cursor as Partial<Cursor> | null)?.rows;
    const last = this.#rows.length * this.#options.epochs;
    if (typeof rows !== "number" || !Number.isInteger(rows) || rows < 0 || rows > last) {
      throw new RangeError(
        `Cannot go to row ${rows}: this data has ${last} rows over all epochs`,
      );
    }
    this.#position = rows;
  }

  #rowAt(position: number): Row {
    const epoch = Math.floor(position / this.#rows.length);
    if (this.#order?.epoch !== epoch) {
      this.#order = { epoch, rows: shuffled(this.#rows.length, this.#options.seed, epoch) };
    }
    return this.#rows[this.#order.rows[position % this.#rows.length]!]!;
  }
}

function countsAny(examples: readonly Example[]): boolean {
  return examples.some(({ targets }) => targets.some((target) => target !== IGNORED_TARGET));
}

/**
 * A fixed set of evaluation batches, as wide as the training batches. The weights of a batch are
 * 1 / (its own counted tokens).
 *
 * @throws {RangeError} if no token counts.
 */
export function evaluationBatches(
  examples: readonly Example[],
  maxLength: number,
  tokensPerBatch: number,
): Batch[] {
  if (!countsAny(examples)) {
    throw new RangeError("Cannot evaluate: no token of the held-out set counts");
  }
  const perBatch = tokensPerBatch / maxLength;
  const rows = rowsOf(examples, maxLength, true);
  const batches: Batch[] = [];
  for (let at = 0; at < rows.length; at += perBatch) {
    const batch = layOut(examples, rows.slice(at, at + perBatch), perBatch, maxLength);
    if (batch.counted > 0) batches.push(...weigh([batch]));
  }
  return batches;
}

function rowsOf(examples: readonly Example[], maxLength: number, packing: boolean): Row[] {
  const lengths = examples.map(({ ids }) => ids.length);
  if (packing) return packRows(lengths, maxLength);
  return lengths.map((length, index) => packRows([length], maxLength).map(() => index));
}
