// Tile sizes of the matrix products, by shape.

/** A workgroup of wx × wy invocations that holds tm × tn sums each, over tiles of 4 · bk4 inner columns. */
export interface GemmTile {
  readonly wx: number;
  readonly wy: number;
  readonly tm: number;
  readonly tn: number;
  readonly bk4: number;
}

const SQUARE: GemmTile = { wx: 16, wy: 16, tm: 4, tn: 4, bk4: 4 };
/** For adapters of low rank: few columns (x Aᵀ) or few rows (dXaᵀ x). */
const NARROW: GemmTile = { wx: 4, wy: 16, tm: 4, tn: 4, bk4: 4 };
const FLAT: GemmTile = { wx: 16, wy: 4, tm: 4, tn: 4, bk4: 4 };
/** More sums per invocation: each value from workgroup memory is used eight times. */
const LARGE: GemmTile = { wx: 16, wy: 16, tm: 8, tn: 8, bk4: 2 };

/** The tile of a product with m rows and n columns. */
export function gemmTile(m: number, n: number, software: boolean): GemmTile {
  const tile = n <= 16 ? NARROW : m <= 16 ? FLAT : m >= 1024 && n >= 1024 ? LARGE : SQUARE;
  if (!software) return tile;
  // A driver on the processor unrolls the loop over bk4, and takes seconds for it.
  return tile === LARGE ? { ...SQUARE, bk4: 1 } : { ...tile, bk4: 1 };
}

/** Workgroups over the columns and the rows. */
export function gemmGrid(tile: GemmTile, m: number, n: number): [number, number] {
  return [Math.ceil(n / (tile.wx * tile.tn)), Math.ceil(m / (tile.wy * tile.tm))];
}

/** WGSL constants of a tile. */
export function tileConstants({ tm, tn, bk4 }: GemmTile): string {
  return `const TM = ${tm}u;\nconst TN = ${tn}u;\nconst BK4 = ${bk4}u;\n`;
}

/** Values of the `override`s of a kernel with prelude/gemm_nt_tile.wgsl. */
export function ntConstants({ wx, wy, tm, tn, bk4 }: GemmTile): Record<string, number> {
  return { WX: wx, WY: wy, X_TILE: wy * tm * (bk4 + 1), W_TILE: wx * tn * (bk4 + 1) };
}

/** Values of the `override`s of a kernel with prelude/gemm_nn_tile.wgsl. */
export function nnConstants({ wx, wy, tm, tn, bk4 }: GemmTile): Record<string, number> {
  return { WX: wx, WY: wy, X_TILE: wy * tm * (bk4 + 1), W_TILE: bk4 * wx * tn };
}
