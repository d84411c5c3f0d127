// f64 references of a router's choice and of rows sorted by expert.

/** Tokens, experts, experts for each token, and whether their weights sum to 1. */
export interface RouteSize {
  readonly rows: number;
  readonly cols: number;
  readonly k: number;
  readonly normalize: boolean;
}

/** The k experts with the largest logits of each row, largest first, equal ones by index. */
export function chooseExperts(logits: ArrayLike<number>, { rows, cols, k }: RouteSize): number[] {
  return Array.from({ length: rows }, (_, n) =>
    Array.from({ length: cols }, (_, e) => e)
      .sort((a, b) => logits[n * cols + b]! - logits[n * cols + a]! || a - b)
      .slice(0, k)).flat();
}

/** The weights of chosen experts: their probabilities, divided by their sum if normalize. */
export function routeWeights(
  logits: ArrayLike<number>,
  experts: readonly number[],
  { rows, cols, k, normalize }: RouteSize,
): Float64Array {
  const weights = new Float64Array(rows * k);
  for (let n = 0; n < rows; n++) {
    const row = Array.from({ length: cols }, (_, e) => logits[n * cols + e]!);
    const chosen = experts.slice(n * k, n * k + k);
    const top = Math.max(...row);
    const over = normalize ? chosen.map((e) => row[e]!) : row;
    const sum = over.reduce((total, x) => total + Math.exp(x - top), 0);
    chosen.forEach((e, j) => weights[n * k + j] = Math.exp(row[e]! - top) / sum);
  }
  return weights;
}

/** Slots in the order of their experts, stable. */
export interface Grouping {
  readonly order: number[];
  readonly place: number[];
  readonly offsets: number[];
}

/** Sorts slots by expert. */
export function groupSlots(experts: ArrayLike<number>, groups: number): Grouping {
  const slots = Array.from(experts);
  const order = slots.map((_, slot) => slot).sort((a, b) => slots[a]! - slots[b]! || a - b);
  const place = new Array<number>(slots.length);
  order.forEach((slot, row) => place[slot] = row);
  const offsets = Array.from(
    { length: groups + 1 },
    (_, g) => slots.filter((expert) => expert < g).length,
  );
  return { order, place, offsets };
}
