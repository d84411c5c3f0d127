// Rows of a generated data set: the same for everyone, none of them twice.

import { Draw } from "./draw.ts";

/** A split that is generated: the same count gives the same rows, a larger one goes on after them. */
export type RowGenerator<Row> = (
  split: "train" | "test",
  count: number,
) => Iterable<Row> | Promise<Iterable<Row>>;

/** In a row of draws that gives this many repetitions at once, there is nothing new to be had. */
const MOST_REPEATS = 1000;

/**
 * Draws `count` rows that differ in their keys.
 *
 * @param name of the data set and split: other names, other rows.
 * @throws {RangeError} where there are not so many.
 */
export function* generateRows<Row>(
  name: string,
  count: number,
  make: (draw: Draw) => Row,
  keyOf: (row: Row) => string,
): Generator<Row, void> {
  const seed = seedOf(name);
  const seen = new Set<string>();
  for (let at = 0, repeats = 0; seen.size < count; at++) {
    const row = make(new Draw(seed, at));
    const key = keyOf(row);
    if (!seen.has(key)) {
      seen.add(key);
      repeats = 0;
      yield row;
    } else if (++repeats > MOST_REPEATS) {
      throw new RangeError(`Cannot generate ${count} rows of ${name}: there are ${seen.size}`);
    }
  }
}

/** FNV-1a. */
function seedOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
