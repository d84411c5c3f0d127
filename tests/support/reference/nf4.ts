// Matrices in 4 bits to f32, each operation rounded: what KERNELS.dequantize_nf4 computes.

/** One matrix on the host. */
export interface HostNf4 {
  readonly codes: Uint32Array;
  readonly scales: Uint32Array;
  readonly ranges: Float32Array;
}

/** Its first `elements` values. */
export function dequantizeNf4(
  { codes, scales, ranges }: HostNf4,
  levels: Float32Array,
  elements: number,
): Float32Array {
  return Float32Array.from({ length: elements }, (_, e) => {
    const block = Math.floor(e / 64);
    const scaleLevel = levels[16 + (scales[block >> 2]! >>> 8 * (block % 4) & 255)]!;
    const scale = Math.fround(
      Math.fround(scaleLevel * ranges[1 + Math.floor(block / 256)]!) + ranges[0]!,
    );
    return levels[codes[e >> 3]! >>> 4 * (e % 8) & 15]! * scale;
  });
}
