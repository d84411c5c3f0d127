// Optimiser steps out of examples, with a position that can be stored and sought. An epoch is a seeded
// order of windows; a window is read, packed into rows, and its rows are taken in a seeded order. What
// fits in memory is one window; of a stream, the blocks are shuffled and a window holds as many as fit.

import { type Batch, type Example, IGNORED_TARGET } from "./example.ts";
import { type ExampleStream, isStream } from "./load.ts";
import { layOut, packRows, type Row, weigh } from "./pack.ts";
import { shuffled } from "./shuffle.ts";

/** How examples become batches. */
export interface LoaderOptions {
  readonly examples: readonly Example[] | ExampleStream;
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

/** The place of the next row. */
export interface Cursor {
  readonly epoch: number;
  /** Window of the epoch. */
  readonly window: number;
  /** Rows of the window that were taken. */
  readonly row: number;
}

/** A window in memory, in the order of its epoch. */
interface OpenWindow {
  readonly examples: readonly Example[];
  readonly rows: readonly Row[];
  readonly order: Uint32Array;
}

/** Steps of a fixed shape. */
export class Loader {
  readonly #options: LoaderOptions;
  /** The only window of examples that are in memory. */
  readonly #whole: Pick<OpenWindow, "examples" | "rows"> | undefined;
  #cursor: Cursor = { epoch: 0, window: 0, row: 0 };
  #open: { epoch: number; window: number; content: OpenWindow } | undefined;
  /** Blocks of each window of an epoch. */
  #plan: { epoch: number; windows: number[][] } | undefined;

  /** @throws {RangeError} if there is no example, or one is longer than a row. */
  constructor(options: LoaderOptions) {
    this.#options = options;
    const { examples, maxLength, packing } = options;
    if (isStream(examples)) return;
    if (examples.length === 0) throw new RangeError("Cannot train: the dataset has no examples");
    if (!countsAny(examples)) throw new RangeError("Cannot train: no token of the dataset counts");
    this.#whole = { examples, rows: rowsOf(examples, maxLength, packing) };
  }

  /** Tokens of a micro-batch. */
  get tokensPerBatch(): number {
    const { batchSize, accumulation, maxLength } = this.#options;
    return batchSize / accumulation * maxLength;
  }

  /** Steps until the data is used up; undefined for a stream, whose rows are counted as they come. */
  get steps(): number | undefined {
    if (this.#whole === undefined) return undefined;
    return Math.ceil(this.#whole.rows.length * this.#options.epochs / this.#options.batchSize);
  }

  /** The next step's micro-batches, or undefined at the end of the last epoch. */
  async next(): Promise<Batch[] | undefined> {
    const { batchSize, accumulation, maxLength } = this.#options;
    const examples: Example[] = [];
    const rows: number[][] = [];
    while (rows.length < batchSize) {
      const row = await this.#nextRow();
      if (row === undefined) break;
      rows.push(row.map((example) => examples.push(example) - 1));
    }
    if (rows.length === 0) return undefined;
    const size = batchSize / accumulation;
    return weigh(Array.from(
      { length: accumulation },
      (_, i) => layOut(examples, rows.slice(i * size, (i + 1) * size), size, maxLength),
    ));
  }

  cursor(): Cursor {
    return this.#cursor;
  }

  /** @throws {RangeError} if the position is not in this data. */
  seek(cursor: unknown): void {
    const { epoch, window, row } = (cursor ?? {}) as Record<string, unknown>;
    const isCount = (value: unknown): value is number =>
      typeof value === "number" && Number.isInteger(value) && value >= 0;
    if (!isCount(epoch) || !isCount(window) || !isCount(row) || !this.#holds(epoch, window, row)) {
      throw new RangeError(`Cannot go to ${JSON.stringify(cursor)}: it is not in this data`);
    }
    this.#cursor = { epoch, window, row };
  }

  #holds(epoch: number, window: number, row: number): boolean {
    const { epochs } = this.#options;
    if (epoch >= epochs) return epoch === epochs && window === 0 && row === 0;
    if (window >= this.#windows(epoch).length) return false;
    return this.#whole === undefined || row <= this.#whole.rows.length;
  }

  async #nextRow(): Promise<Example[] | undefined> {
    for (let empty = 0; this.#cursor.epoch < this.#options.epochs;) {
      const { epoch, window, row } = this.#cursor;
      const { examples, rows, order } = await this.#read(epoch, window);
      if (row < order.length) {
        this.#cursor = { epoch, window, row: row + 1 };
        return rows[order[row]!]!.map((index) => examples[index]!);
      }
      if (order.length === 0 && ++empty === this.#windows(epoch).length) {
        throw new RangeError("Cannot train: no token of the dataset counts");
      }
      this.#cursor = window + 1 < this.#windows(epoch).length
        ? { epoch, window: window + 1, row: 0 }
        : { epoch: epoch + 1, window: 0, row: 0 };
    }
    return undefined;
  }

  async #read(epoch: number, window: number): Promise<OpenWindow> {
    if (this.#open?.epoch === epoch && this.#open.window === window) return this.#open.content;
    // Dropped before the next is read: two windows need not be in memory together.
    this.#open = undefined;
    const { seed, maxLength, packing } = this.#options;
    let read = this.#whole;
    if (read === undefined) {
      const examples = await this.#readWindow(epoch, window);
      const some = countsAny(examples) ? examples : [];
      read = { examples: some, rows: rowsOf(some, maxLength, packing) };
    }
    const order = shuffled(read.rows.length, (seed + window * 0x9e3779b1) >>> 0, epoch);
    const content = { ...read, order };
    this.#open = { epoch, window, content };
    return content;
  }

  async #readWindow(epoch: number, window: number): Promise<Example[]> {
    const stream = this.#options.examples as ExampleStream;
    const examples: Example[] = [];
    for (const block of this.#windows(epoch)[window]!) {
      for (const example of await stream.read(block)) examples.push(example);
    }
    return examples;
  }

  /** The blocks of an epoch's windows: all blocks in a seeded order, as many a window as fit. */
  #windows(epoch: number): number[][] {
    const { examples, seed } = this.#options;
    if (!isStream(examples)) return [[]];
    if (this.#plan?.epoch === epoch) return this.#plan.windows;
    const windows: number[][] = [];
    let room = 0;
    for (const block of shuffled(examples.blocks.length, ~seed >>> 0, epoch)) {
      const bytes = examples.blocks[block]!;
      if (bytes > room || windows.length === 0) {
        windows.push([]);
        room = examples.windowBytes;
      }
      windows.at(-1)!.push(block);
      room -= bytes;
    }
    this.#plan = { epoch, windows };
    return windows;
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
