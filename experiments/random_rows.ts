// Rows that hold nothing but noise: what a model says of them beyond chance it has memorised.

/** Rows of token ids. Each begins with a key that no loss counts, and goes on with random ids. */
export interface RandomRows {
  readonly input_ids: number[][];
  readonly labels: number[][];
}

/** Tokens of a key: as many as tell 65,536 rows apart. */
export const KEY_TOKENS = 2;

/**
 * `count` rows of `length` tokens, uniform over `vocabulary` ids and independent: log2(vocabulary) bits a
 * counted token. The key is the row's number, so that every row has a context of its own.
 */
export function randomRows(
  { count, length, vocabulary, seed }: {
    readonly count: number;
    readonly length: number;
    readonly vocabulary: number;
    readonly seed: number;
  },
): RandomRows {
  const next = random(seed);
  const input_ids = Array.from({ length: count }, (_, row) => [
    row % vocabulary,
    Math.floor(row / vocabulary) % vocabulary,
    ...Array.from({ length: length - KEY_TOKENS }, () => Math.floor(next() * vocabulary)),
  ]);
  const labels = input_ids.map((row) => row.map((id, i) => i < KEY_TOKENS ? -100 : id));
  return { input_ids, labels };
}

/** Uniform numbers in [0, 1): mulberry32 (Ettinger 2017), the same on every machine. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
