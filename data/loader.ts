// Optimiser steps out of examples, with a position that can be stored and sought. An epoch is a seeded
// order of windows; a window is read, packed into rows, and its rows are taken in a seeded order. What
// fits in memory is one window; of a stream, the blocks are shuffled and a window holds as many as fit.
// Examples of which no token counts are left out: a row of nothing else would be a step that learns nothing.

import { type Batch, counts, type Example } from "./example.ts";
import { type ExampleStream, isStream } from "./load.ts";
import { type BatchShape, batchShape, layOut, packRows, type Row, weigh } from "./pack.ts";
import { shuffled } from "./shuffle.ts";

/** How examples become batches. */
export interface LoaderOptions {
  readonly examples: readonly Example[] | ExampleStream;
  /** Tokens of a row, at most. */
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
  readonly #shape: BatchShape;
  #cursor: Cursor = { epoch: 0, window: 0, row: 0 };
  #open: { epoch: number; window: number; content: OpenWindow } | undefined;
  /** Blocks of each window of an epoch. */
  #plan: { epoch: number; windows: number[][] } | undefined;

  /** @throws {RangeError} if there is no example, or one is longer than a row. */
  constructor(options: LoaderOptions) {
    this.#options = options;
    this.#shape = mostOf(options);
    if (isStream(options.examples)) return;
    if (options.examples.length === 0) {
      throw new RangeError("Cannot train: the dataset has no examples");
    }
    const examples = options.examples.filter(counts);
    if (examples.length === 0) throw new RangeError("Cannot train: no token of the dataset counts");
    const lengths = examples.map(({ ids }) => ids.length);
    const rows = rowsOf(lengths, options);
    this.#whole = { examples, rows };
    this.#shape = shapeOf(lengths, rows, options);
  }

  /** Tokens of a micro-batch: what the data needs, where all of it is in memory. */
  get tokensPerBatch(): number {
    return this.#shape.rows * this.#shape.length;
  }

  /** Steps until the data is used up; undefined for a stream, whose rows are counted as they come. */
  get steps(): number | undefined {
    if (this.#whole === undefined) return undefined;
    return Math.ceil(this.#whole.rows.length * this.#options.epochs / this.#options.batchSize);
  }

  /** The next step's micro-batches, or undefined at the end of the last epoch. */
  async next(): Promise<Batch[] | undefined> {
    const { batchSize, accumulation } = this.#options;
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
      { length: Math.ceil(rows.length / size) },
      (_, i) => layOut(examples, rows.slice(i * size, (i + 1) * size), this.#shape),
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
    const { seed } = this.#options;
    let read = this.#whole;
    if (read === undefined) {
      const examples = await this.#readWindow(epoch, window);
      read = { examples, rows: rowsOf(examples.map(({ ids }) => ids.length), this.#options) };
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
      for (const example of await stream.read(block)) if (counts(example)) examples.push(example);
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

/**
 * A fixed set of evaluation batches of one shape, with `tokensPerBatch` at most. The weights of a batch
 * are 1 / (its own counted tokens).
 *
 * @throws {RangeError} if no token counts.
 */
export function evaluationBatches(
  heldOut: readonly Example[],
  maxLength: number,
  tokensPerBatch: number,
): Batch[] {
  const examples = heldOut.filter(counts);
  if (examples.length === 0) {
    throw new RangeError("Cannot evaluate: no token of the held-out set counts");
  }
  const lengths = examples.map(({ ids }) => ids.length);
  const rows = rowsOf(lengths, { maxLength, packing: true });
  const most = { rows: tokensPerBatch / maxLength, length: maxLength };
  const shape = batchShape(rowLengths(lengths, rows), most);
  const batches: Batch[] = [];
  for (let at = 0; at < rows.length; at += shape.rows) {
    batches.push(...weigh([layOut(examples, rows.slice(at, at + shape.rows), shape)]));
  }
  return batches;
}

/** What decides the shape of a run's batches. */
type ShapeOptions = Omit<LoaderOptions, "examples" | "seed">;

/**
 * Tokens of a micro-batch of examples that are all in memory; undefined where none of them counts.
 *
 * @throws {RangeError} if one is longer than a row.
 */
export function tokensOfBatch(
  examples: readonly Example[],
  options: ShapeOptions,
): number | undefined {
  const lengths = examples.filter(counts).map(({ ids }) => ids.length);
  if (lengths.length === 0) return undefined;
  const { rows, length } = shapeOf(lengths, rowsOf(lengths, options), options);
  return rows * length;
}

function mostOf({ batchSize, accumulation, maxLength }: ShapeOptions): BatchShape {
  return { rows: batchSize / accumulation, length: maxLength };
}

function shapeOf(
  lengths: readonly number[],
  rows: readonly Row[],
  options: ShapeOptions,
): BatchShape {
  const most = mostOf(options);
  const { length } = batchShape(rowLengths(lengths, rows), most);
  // A step may hold rows of several epochs.
  return { rows: Math.min(most.rows, rows.length * options.epochs), length };
}

function rowsOf(
  lengths: readonly number[],
  { maxLength, packing }: Pick<LoaderOptions, "maxLength" | "packing">,
): Row[] {
  if (packing) return packRows(lengths, maxLength);
  return lengths.map((length, index) => packRows([length], maxLength).map(() => index));
}

function rowLengths(lengths: readonly number[], rows: readonly Row[]): number[] {
  return rows.map((row) => row.reduce((sum, index) => sum + lengths[index]!, 0));
}
