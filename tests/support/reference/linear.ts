// f64 references of the matrix products and of a linear layer with LoRA.

/** A matrix by its element (row, column): makes transposes free. */
type At = (row: number, column: number) => number;

/** [rows, columns] = Σ_i a(row, i) · b(i, column). */
function product(rows: number, columns: number, inner: number, a: At, b: At): Float64Array {
  const y = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let i = 0; i < inner; i++) sum += a(row, i) * b(i, column);
      y[row * columns + column] = sum;
    }
  }
  return y;
}

/** x wᵀ, x [m, k], w [n, k]. */
export function gemmNt(
  x: Float64Array,
  w: Float64Array,
  m: number,
  n: number,
  k: number,
): Float64Array {
  return product(m, n, k, (row, i) => x[row * k + i]!, (i, column) => w[column * k + i]!);
}

/** x w, x [m, k], w [k, n]. */
export function gemmNn(
  x: Float64Array,
  w: Float64Array,
  m: number,
  n: number,
  k: number,
): Float64Array {
  return product(m, n, k, (row, i) => x[row * k + i]!, (i, column) => w[i * n + column]!);
}

/** aᵀ b, a [k, m], b [k, n]. */
export function gemmTn(
  a: Float64Array,
  b: Float64Array,
  m: number,
  n: number,
  k: number,
): Float64Array {
  return product(m, n, k, (row, i) => a[i * m + row]!, (i, column) => b[i * n + column]!);
}

/** Sizes of a linear layer: m tokens, k inputs, n outputs, rank r. */
export interface LinearSize {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly r: number;
}

/** y = x wᵀ + xa bᵀ. */
export function loraForward(
  x: Float64Array,
  w: Float64Array,
  xa: Float64Array,
  b: Float64Array,
  { m, n, k, r }: LinearSize,
): Float64Array {
  const low = gemmNt(xa, b, m, n, r);
  return gemmNt(x, w, m, n, k).map((value, i) => value + low[i]!);
}

/** A whole linear layer with LoRA: y = x wᵀ + scaling · (x aᵀ) bᵀ (Hu et al. 2021, eq. 3). */
export function linearForward(
  x: Float64Array,
  w: Float64Array,
  a: Float64Array,
  b: Float64Array,
  scaling: number,
  size: LinearSize,
): Float64Array {
  const xa = gemmNt(x, a, size.m, size.r, size.k).map((value) => scaling * value);
  return loraForward(x, w, xa, b, size);
}
