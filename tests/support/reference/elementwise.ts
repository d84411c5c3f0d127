// f64 references of fill, scale and add.

/** scale · x, plus `into` where given. */
export function scale(x: Float64Array, factor: number, into?: Float64Array): Float64Array {
  return x.map((value, i) => factor * value + (into?.[i] ?? 0));
}

/** a + b. */
export function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i]!);
}
