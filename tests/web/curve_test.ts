import assert from "@std/assert";
import { curve, smooth } from "../../web/curve.ts";

const POINTS = [
  { step: 0, eval_nll: 3 },
  { step: 10, tokens: 1000, train_nll: 2.5, tokens_per_s: 500 },
  { step: 20, tokens: 3000, train_nll: 2, tokens_per_s: 1000, eval_nll: 2.25 },
];

Deno.test("curve() gives a metric over steps, tokens, or seconds of training", () => {
  assert.deepEqual(curve(POINTS, "train_nll", "step"), [[10, 2.5], [20, 2]]);
  assert.deepEqual(curve(POINTS, "train_nll", "tokens"), [[1000, 2.5], [3000, 2]]);
  assert.deepEqual(curve(POINTS, "train_nll", "time"), [[2, 2.5], [4, 2]]);
  assert.deepEqual(curve(POINTS, "eval_nll", "step"), [[0, 3], [20, 2.25]]);
});

Deno.test("smooth() leaves a constant alone from its first value on, and averages what varies", () => {
  const flat = [0, 1, 2].map((x) => [x, 5] as const);
  assert.deepEqual(smooth(flat, 0.9).map(([, y]) => Math.round(y * 1e9) / 1e9), [5, 5, 5]);
  const zigzag = Array.from({ length: 200 }, (_, x) => [x, x % 2] as const);
  const last = smooth(zigzag, 0.97).at(-1)![1];
  assert(Math.abs(last - 0.5) < 0.03, String(last));
});
