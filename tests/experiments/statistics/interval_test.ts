import assert from "@std/assert";
import { estimate, estimateRatio } from "../../../experiments/statistics/interval.ts";

const close = (a: number, b: number) =>
  assert.ok(Math.abs(a - b) < 1e-3 * Math.abs(b), `${a} ${b}`);

Deno.test("estimate() gives Student's interval, and none for one value", () => {
  // R: t.test(c(5.1, 4.9, 5.6, 4.7, 5.2))
  const { mean, interval } = estimate([5.1, 4.9, 5.6, 4.7, 5.2]);
  close(mean, 5.1);
  close(interval![0], 4.6755);
  close(interval![1], 5.5245);
  assert.deepEqual(estimate([3]), { mean: 3, interval: null, count: 1 });
  assert.throws(() => estimate([]), RangeError);
});

Deno.test("estimateRatio() averages factors: 2 and 8 are 4 together, and the interval is as far up as down", () => {
  const { mean, interval } = estimateRatio([2, 8]);
  close(mean, 4);
  close(interval![0] * interval![1], 16);
});
