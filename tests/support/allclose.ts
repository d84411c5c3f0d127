// A comparison whose failure tells where to look: how many values differ, by how much, and which.

import assert from "@std/assert";

/** How far an actual value may lie from the expected one: |a − e| ≤ atol + rtol · |e|. */
export interface Tolerance {
  readonly atol: number;
  readonly rtol: number;
}

/** For f32 kernels on data of order one: rounding of a sum, not a wrong term. */
export const F32: Tolerance = { atol: 2e-5, rtol: 2e-5 };

const SHOWN = 5;

/**
 * Asserts that two tensors agree element by element. NaN equals NaN and an infinity equals itself.
 *
 * @throws {AssertionError} with shape, count, largest errors and the first differing indices.
 */
export function assertAllclose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tensor: { readonly name: string; readonly shape: readonly number[] },
  tolerance: Tolerance = F32,
): void {
  const report = compare(actual, expected, tensor, tolerance);
  if (report !== undefined) assert.fail(report);
}

/** Asserts that two tensors hold the same bits, so that −0 differs from 0. */
export function assertSameBits(
  actual: Float32Array | Uint32Array,
  expected: Float32Array | Uint32Array,
  tensor: { readonly name: string; readonly shape: readonly number[] },
): void {
  const a = new Uint32Array(actual.buffer, actual.byteOffset, actual.length);
  const e = new Uint32Array(expected.buffer, expected.byteOffset, expected.length);
  assert.equal(a.length, e.length, `Cannot compare "${tensor.name}": lengths differ`);
  const different = Array.from(a.keys()).filter((i) => a[i] !== e[i]);
  if (different.length === 0) return;
  assert.fail(
    `"${tensor.name}" [${tensor.shape}]: ${different.length} of ${a.length} values differ in their bits\n` +
      lines(different, actual, expected, tensor.shape),
  );
}

/** The report of a failed comparison, or undefined where the tensors agree. */
export function compare(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tensor: { readonly name: string; readonly shape: readonly number[] },
  { atol, rtol }: Tolerance,
): string | undefined {
  const { name, shape } = tensor;
  if (actual.length !== expected.length) {
    return `"${name}" [${shape}]: ${actual.length} values, expected ${expected.length}`;
  }
  const different: number[] = [];
  const notFinite: number[] = [];
  let absolute = 0, relative = 0;
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i]!, e = expected[i]!;
    if (Object.is(a, e) || a === e) continue;
    if (!Number.isFinite(a) || !Number.isFinite(e)) {
      notFinite.push(i);
      continue;
    }
    const error = Math.abs(a - e);
    if (error <= atol + rtol * Math.abs(e)) continue;
    different.push(i);
    absolute = Math.max(absolute, error);
    relative = Math.max(relative, error / Math.max(Math.abs(e), Number.MIN_VALUE));
  }
  if (different.length + notFinite.length === 0) return undefined;
  const parts = [`"${name}" [${shape}] differs (atol ${atol}, rtol ${rtol})`];
  if (different.length > 0) {
    parts.push(
      `  ${different.length} of ${expected.length} values; largest error ` +
        `${absolute.toExponential(2)} absolute, ${relative.toExponential(2)} relative`,
      lines(different, actual, expected, shape),
    );
  }
  if (notFinite.length > 0) {
    parts.push(
      `  ${notFinite.length} of ${expected.length} values are NaN or infinite on one side`,
      lines(notFinite, actual, expected, shape),
    );
  }
  return parts.join("\n");
}

function lines(
  indices: readonly number[],
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  shape: readonly number[],
): string {
  return indices.slice(0, SHOWN)
    .map((i) => `    [${coordinates(i, shape)}] ${actual[i]}, expected ${expected[i]}`)
    .join("\n");
}

function coordinates(index: number, shape: readonly number[]): number[] {
  const result: number[] = [];
  for (const length of shape.toReversed()) {
    result.unshift(index % length);
    index = Math.floor(index / length);
  }
  return result;
}
