import assert from "@std/assert";
import { assertAllclose, assertSameBits, compare } from "./allclose.ts";

const MATRIX = { name: "dW", shape: [2, 3] };

Deno.test("compare() names tensor, shape, count, largest errors and the first five indices", () => {
  const report = compare([1, 2, 3, 4, 5, 7], [0, 1, 2, 3, 4, 5], MATRIX, { atol: 0.5, rtol: 0 });
  assert.match(report!, /"dW" \[2,3\] differs \(atol 0.5, rtol 0\)/);
  assert.match(report!, /6 of 6 values; largest error 2.00e\+0 absolute/);
  assert.match(report!, /\[0,1\] 2, expected 1/);
  assert.match(report!, /\[1,1\] 5, expected 4/);
  assert.doesNotMatch(report!, /\[1,2\]/);
});

Deno.test("compare() reports NaN and infinities apart from errors", () => {
  const actual = [NaN, 1, Infinity, 4, NaN, -Infinity], expected = [0, 1, 1, 3, NaN, -Infinity];
  const report = compare(actual, expected, MATRIX, { atol: 0, rtol: 0.1 });
  assert.match(report!, /1 of 6 values; largest error 1.00e\+0 absolute, 3.33e-1 relative/);
  assert.match(report!, /2 of 6 values are NaN or infinite on one side/);
});

Deno.test("assertAllclose() accepts what lies within the tolerance and no more", () => {
  const one = { name: "x", shape: [1] };
  assertAllclose([100.9], [100], one, { atol: 0, rtol: 0.01 });
  assert.throws(() => assertAllclose([101.1], [100], one, { atol: 0, rtol: 0.01 }));
  assert.throws(() => assertAllclose([1, 2], [1], one), /2 values, expected 1/);
});

Deno.test("assertSameBits() tells −0 from 0", () => {
  const one = { name: "x", shape: [1] };
  assertSameBits(Float32Array.of(NaN), Float32Array.of(NaN), one);
  assert.throws(() => assertSameBits(Float32Array.of(-0), Float32Array.of(0), one), /differ in/);
});
