// f64 reference of rotary embeddings with Hugging Face's rotate_half. x [tokens, heads · headDim].

/** A table f32[positions, headDim]: cosines of each position, then its sines (Su et al. 2021). */
export function ropeTable(positions: number, headDim: number, theta = 10000): Float32Array {
  const half = headDim / 2;
  const table = new Float32Array(positions * headDim);
  for (let p = 0; p < positions; p++) {
    for (let i = 0; i < half; i++) {
      const angle = p * theta ** (-i / half);
      table[p * headDim + i] = Math.cos(angle);
      table[p * headDim + half + i] = Math.sin(angle);
    }
  }
  return table;
}

/** Rotates each head by its token's position in its sequence; direction −1 is the transpose. */
export function rope(
  x: Float64Array,
  start: Uint32Array,
  table: Float64Array,
  heads: number,
  headDim: number,
  direction: 1 | -1,
): Float64Array {
  const half = headDim / 2, y = x.slice();
  start.forEach((first, n) => {
    const row = (n - first) * headDim;
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < half; i++) {
        const at = (n * heads + h) * headDim + i;
        const a = x[at]!, b = x[at + half]!;
        const cos = table[row + i]!, sin = direction * table[row + half + i]!;
        y[at] = a * cos - b * sin;
        y[at + half] = b * cos + a * sin;
      }
    }
  });
  return y;
}
