// Several short examples share a row of N tokens. Best fit, longest first: each example goes into the
// fullest row that still has room (Johnson 1973), which wastes at most a few per cent of most sets.

import { type Batch, type Example, IGNORED_TARGET } from "./example.ts";

/** Indices of the examples in one row, in order. */
export type Row = readonly number[];

/** Rows by the room they have left; finds the smallest room that suffices. */
class RoomIndex {
  readonly #rows: number[][];
  /** Bit r is set where some row has room r. */
  readonly #present: Uint32Array;

  constructor(capacity: number) {
    this.#rows = Array.from({ length: capacity + 1 }, () => []);
    this.#present = new Uint32Array((capacity >>> 5) + 1);
  }

  add(row: number, room: number): void {
    this.#rows[room]!.push(row);
    this.#present[room >>> 5]! |= 1 << (room & 31);
  }

  /** Removes and returns a row with the least room ≥ `length`. */
  take(length: number): { row: number; room: number } | undefined {
    let word = length >>> 5;
    let bits = this.#present[word]! & (-1 << (length & 31));
    while (bits === 0) {
      if (++word === this.#present.length) return undefined;
      bits = this.#present[word]!;
    }
    const room = word * 32 + 31 - Math.clz32(bits & -bits);
    const rows = this.#rows[room]!;
    const row = rows.pop()!;
    if (rows.length === 0) this.#present[room >>> 5]! &= ~(1 << (room & 31));
    return { row, room };
  }
}

/**
 * Distributes examples over rows of `capacity` tokens, each example whole and once.
 *
 * @throws {RangeError} if an example is empty or longer than a row.
 */
export function packRows(lengths: readonly number[], capacity: number): Row[] {
  lengths.forEach((length, index) => {
    if (length >= 1 && length <= capacity) return;
    throw new RangeError(
      `Cannot pack example ${index}: it has ${length} tokens, expected 1 to ${capacity}`,
    );
  });
  const rows: number[][] = [];
  const index = new RoomIndex(capacity);
  const longestFirst = lengths.map((_, i) => i).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  for (const example of longestFirst) {
    const length = lengths[example]!;
    const found = index.take(length);
    const row = found?.row ?? rows.push([]) - 1;
    rows[row]!.push(example);
    index.add(row, (found?.room ?? capacity) - length);
  }
  return rows;
}

/** How many rows a batch has, and how many tokens a row. */
export interface BatchShape {
  readonly rows: number;
  readonly length: number;
}

/** Rows are multiples of this many tokens, unless they are as long as a row may be. */
const LENGTH_STEP = 8;

/**
 * The shape of batches that hold rows like these: no longer than the longest one needs, and no more
 * of them than there are.
 *
 * @param rows tokens of each row.
 * @param most of rows in a batch and of tokens in a row.
 */
export function batchShape(rows: readonly number[], most: BatchShape): BatchShape {
  const longest = rows.reduce((longest, length) => Math.max(longest, length), 1);
  return {
    rows: Math.max(1, Math.min(most.rows, rows.length)),
    length: Math.min(most.length, Math.ceil(longest / LENGTH_STEP) * LENGTH_STEP),
  };
}

/** A batch before its weights are known: they depend on the whole optimiser step. */
export type UnweightedBatch = Omit<Batch, "weight">;

/**
 * Lays rows end to end, each in `capacity` tokens; what is left of a row, and rows that are missing,
 * become sequences of one token that is not counted.
 *
 * @param shape rows in the batch, missing ones included, and their capacity.
 */
export function layOut(
  examples: readonly Example[],
  rows: readonly Row[],
  { rows: count, length: capacity }: BatchShape,
): UnweightedBatch {
  const tokens = count * capacity;
  const ids = new Uint32Array(tokens);
  const targets = new Uint32Array(tokens).fill(IGNORED_TARGET);
  const start = Uint32Array.from({ length: tokens }, (_, n) => n);
  const end = Uint32Array.from({ length: tokens }, (_, n) => n + 1);
  let counted = 0;
  rows.forEach((row, r) => {
    let at = r * capacity;
    for (const index of row) {
      const example = examples[index]!;
      const stop = at + example.ids.length;
      ids.set(example.ids, at);
      targets.set(example.targets, at);
      start.fill(at, at, stop);
      end.fill(stop, at, stop);
      for (const target of example.targets) if (target !== IGNORED_TARGET) counted++;
      at = stop;
    }
  });
  return { ids, targets, start, end, counted };
}

/** Gives each counted token of a step the weight 1 / (counted tokens of the step). */
export function weigh(batches: readonly UnweightedBatch[]): Batch[] {
  const counted = batches.reduce((sum, batch) => sum + batch.counted, 0);
  return batches.map((batch) => ({
    ...batch,
    weight: Float32Array.from(
      batch.targets,
      (target) => target === IGNORED_TARGET ? 0 : 1 / counted,
    ),
  }));
}
