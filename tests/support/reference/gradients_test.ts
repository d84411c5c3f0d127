// The references are trusted by every other test, so their gradients are held to central differences
// in f64, far below the rounding of a kernel.

import { assertAllclose, type Tolerance } from "../allclose.ts";
import { lossAfter, numericGradient, upstream } from "../gradcheck.ts";
import { normals } from "../random.ts";
import { IGNORED_TARGET } from "../../../compute/backend/kernels.ts";
import { attentionBackward, attentionForward, sequences } from "./attention.ts";
import { crossEntropyBackward, crossEntropyForward } from "./cross_entropy.ts";
import { rmsnormBackward, rmsnormForward } from "./rmsnorm.ts";
import { swigluBackward, swigluForward } from "./swiglu.ts";

const TIGHT: Tolerance = { atol: 1e-8, rtol: 1e-7 };

function f64(seed: number, count: number): Float64Array {
  return Float64Array.from(normals(seed, count));
}

Deno.test("rmsnormBackward(), the reference, matches central differences", () => {
  const x = f64(1, 21), w = f64(2, 7), dY = Float64Array.from(upstream(normals(3, 21)));
  const { dX, dW } = rmsnormBackward(x, w, dY, 1e-2);
  const byX = numericGradient((x) => lossAfter(dY, rmsnormForward(x, w, 1e-2).y), x);
  const byW = numericGradient((w) => lossAfter(dY, rmsnormForward(x, w, 1e-2).y), w);
  assertAllclose(dX, byX, { name: "dX", shape: [3, 7] }, TIGHT);
  assertAllclose(dW, byW, { name: "dW", shape: [7] }, TIGHT);
});

Deno.test("swigluBackward(), the reference, matches central differences", () => {
  const gate = f64(4, 11), up = f64(5, 11), dY = Float64Array.from(upstream(normals(6, 11)));
  const { dGate, dUp } = swigluBackward(gate, up, dY);
  const byGate = numericGradient((g) => lossAfter(dY, swigluForward(g, up)), gate);
  const byUp = numericGradient((u) => lossAfter(dY, swigluForward(gate, u)), up);
  assertAllclose(dGate, byGate, { name: "dGate", shape: [11] }, TIGHT);
  assertAllclose(dUp, byUp, { name: "dUp", shape: [11] }, TIGHT);
});

Deno.test("attentionBackward(), the reference, matches central differences", () => {
  const size = { heads: 4, kvHeads: 2, headDim: 3, scale: 0.7 };
  const { start } = sequences([4, 1, 3]);
  const q = f64(7, 8 * 12), k = f64(8, 8 * 6), v = f64(9, 8 * 6);
  const dO = Float64Array.from(upstream(normals(10, 8 * 12)));
  const { dQ, dK, dV } = attentionBackward(q, k, v, dO, start, size);
  const loss = (q: Float64Array, k: Float64Array, v: Float64Array) =>
    lossAfter(dO, attentionForward(q, k, v, start, size).o);
  const byQ = numericGradient((q) => loss(q, k, v), q);
  const byK = numericGradient((k) => loss(q, k, v), k);
  const byV = numericGradient((v) => loss(q, k, v), v);
  assertAllclose(dQ, byQ, { name: "dQ", shape: [8, 12] }, TIGHT);
  assertAllclose(dK, byK, { name: "dK", shape: [8, 6] }, TIGHT);
  assertAllclose(dV, byV, { name: "dV", shape: [8, 6] }, TIGHT);
});

Deno.test("crossEntropyBackward(), the reference, matches central differences", () => {
  const targets = Uint32Array.of(2, IGNORED_TARGET, 0);
  const logits = f64(11, 15), weight = Float64Array.from(upstream(normals(12, 3)));
  const dLogits = crossEntropyBackward(logits, targets, weight, 5);
  const expected = numericGradient(
    (L) => lossAfter(weight, crossEntropyForward(L, targets, 5)),
    logits,
  );
  assertAllclose(dLogits, expected, { name: "dLogits", shape: [3, 5] }, TIGHT);
});
