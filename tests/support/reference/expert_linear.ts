// f64 references of the products of groups of rows: one after the other by the references of linear.ts.

import { gemmNn, gemmNt, gemmTn, linearForward, loraForward } from "./linear.ts";

/** Sizes of a layer for each group: n outputs, k inputs, rank r. */
export interface GroupedSize {
  readonly n: number;
  readonly k: number;
  readonly r: number;
  readonly offsets: readonly number[];
}

type Slice = (array: Float64Array, width: number) => Float64Array;

/** Calls `product` for each group with what cuts out its rows and its matrix, and joins the results. */
function eachGroup(
  offsets: readonly number[],
  product: (m: number, rows: Slice, matrix: Slice) => Float64Array,
): Float64Array {
  const parts = offsets.slice(0, -1).map((from, g) => {
    const to = offsets[g + 1]!;
    return product(
      to - from,
      (array, width) => array.subarray(from * width, to * width),
      (array, elements) => array.subarray(g * elements, (g + 1) * elements),
    );
  });
  return Float64Array.from(parts.flatMap((part) => [...part]));
}

/** x w[g]ᵀ. */
export function groupedNt(x: Float64Array, w: Float64Array, { n, k, offsets }: GroupedSize) {
  return eachGroup(offsets, (m, row, at) => gemmNt(row(x, k), at(w, n * k), m, n, k));
}

/** x w[g], x with rows of k, w [k, n]. */
export function groupedNn(x: Float64Array, w: Float64Array, { n, k, offsets }: GroupedSize) {
  return eachGroup(offsets, (m, row, at) => gemmNn(row(x, k), at(w, n * k), m, n, k));
}

/** aᵀ b, a with rows of n, b with rows of k: [groups, n, k]. */
export function groupedTn(a: Float64Array, b: Float64Array, { n, k, offsets }: GroupedSize) {
  return eachGroup(offsets, (m, row) => gemmTn(row(a, n), row(b, k), n, k, m));
}

/** x w[g]ᵀ + xa b[g]ᵀ. */
export function groupedLora(
  x: Float64Array,
  w: Float64Array,
  xa: Float64Array,
  b: Float64Array,
  { n, k, r, offsets }: GroupedSize,
) {
  return eachGroup(
    offsets,
    (m, row, at) => loraForward(row(x, k), at(w, n * k), row(xa, r), at(b, n * r), { m, n, k, r }),
  );
}

/** A whole layer with an adapter for each group. */
export function expertLinear(
  x: Float64Array,
  w: Float64Array,
  a: Float64Array,
  b: Float64Array,
  scaling: number,
  { n, k, r, offsets }: GroupedSize,
) {
  return eachGroup(
    offsets,
    (m, row, at) =>
      linearForward(row(x, k), at(w, n * k), at(a, r * k), at(b, n * r), scaling, { m, n, k, r }),
  );
}
