// Matrices in 4 bits (Dettmers et al. 2023, "QLoRA", section 3), with bitsandbytes' levels:
// blocks of 64 values share a scale, the largest of them; each value becomes the nearest of 16 levels that
// are quantiles of the normal distribution. The scales, less their mean, are quantised in turn, in blocks of
// 256, to 8 bits: 4 + 8/64 + 32/(64 · 256) = 4.127 bits a value. KERNELS.dequantize_nf4 is the way back.

import { NF4_BLOCK, NF4_GROUP, NF4_LEVELS } from "../backend/kernels.ts";

/** NormalFloat4 (section 3 and appendix E): ascending, from −1 to 1, with an exact zero. */
const VALUE_LEVELS = Float32Array.of(
  -1,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1,
);

/**
 * The 256 levels of a scale: a sign, a decimal exponent and a fraction that has the fewer bits the smaller
 * the exponent is (Dettmers 2016, arXiv:1511.04561, section 2.2). Rounded as torch.linspace does.
 */
function scaleLevels(): Float32Array {
  const { fround } = Math;
  const levels = [0, 1];
  for (let exponent = 0; exponent < 7; exponent++) {
    const count = 2 ** exponent, power = fround(10 ** (exponent - 6));
    const first = fround(0.1), step = fround(fround(1 - first) / count);
    const bound = (i: number) =>
      i < (count + 1) >> 1 ? fround(first + step * i) : fround(1 - step * (count - i));
    for (let i = 0; i < count; i++) {
      const level = fround(power * fround(fround(bound(i) + bound(i + 1)) / 2));
      levels.push(level, -level);
    }
  }
  return Float32Array.from(levels).sort();
}

/** `levels` of the kernel: those of a value, then those of a scale. */
export const LEVELS: Float32Array = Float32Array.of(...VALUE_LEVELS, ...scaleLevels());

/** Between two levels: what is above goes to the upper one. */
function midpoints(levels: Float32Array): Float32Array {
  return Float32Array.from(
    { length: levels.length - 1 },
    (_, i) => (levels[i]! + levels[i + 1]!) / 2,
  );
}

const VALUE_BOUNDS = midpoints(VALUE_LEVELS);
const SCALE_BOUNDS = midpoints(LEVELS.subarray(NF4_LEVELS));

/** The level nearest to a value; there are a power of two. */
function nearest(bounds: Float32Array, value: number): number {
  let level = 0;
  for (let half = (bounds.length + 1) >> 1; half > 0; half >>= 1) {
    if (value > bounds[level + half - 1]!) level += half;
  }
  return level;
}

/** The largest magnitude; not a number if any is none. */
function largestOf(values: Float32Array, from: number, to: number): number {
  let largest = 0;
  for (let i = from; i < to; i++) largest = Math.max(largest, Math.abs(values[i]!));
  return largest;
}

/** Values as codes, eight to a word, the first in the lowest bits, and the scale of each block. */
export function quantizeValues(
  values: Float32Array,
): { codes: Uint32Array; scales: Float32Array } {
  const codes = new Uint32Array(Math.ceil(values.length / 8));
  const scales = new Float32Array(Math.ceil(values.length / NF4_BLOCK));
  for (let block = 0; block < scales.length; block++) {
    const from = block * NF4_BLOCK, to = Math.min(from + NF4_BLOCK, values.length);
    const scale = largestOf(values, from, to);
    scales[block] = scale;
    for (let i = from; i < to; i++) {
      const code = nearest(VALUE_BOUNDS, scale === 0 ? 0 : Math.fround(values[i]! / scale));
      codes[i >> 3]! |= code << (4 * (i & 7));
    }
  }
  return { codes, scales };
}

/** Scales as codes, four to a word; `ranges` is their mean, then the largest distance from it in each group. */
export function quantizeScales(
  scales: Float32Array,
): { scales: Uint32Array; ranges: Float32Array } {
  const mean = Math.fround(scales.reduce((sum, scale) => sum + scale, 0) / (scales.length || 1));
  const distances = scales.map((scale) => scale - mean);
  const codes = new Uint32Array(Math.ceil(scales.length / 4));
  const ranges = new Float32Array(1 + Math.ceil(scales.length / NF4_GROUP));
  ranges[0] = mean;
  for (let group = 1; group < ranges.length; group++) {
    const from = (group - 1) * NF4_GROUP, to = Math.min(from + NF4_GROUP, scales.length);
    const range = largestOf(distances, from, to);
    ranges[group] = range;
    for (let i = from; i < to; i++) {
      const code = nearest(SCALE_BOUNDS, range === 0 ? 0 : Math.fround(distances[i]! / range));
      codes[i >> 2]! |= code << (8 * (i & 3));
    }
  }
  return { scales: codes, ranges };
}
