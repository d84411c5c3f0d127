import assert from "@std/assert";
import { parabolaOptimum } from "../../../experiments/statistics/parabola.ts";

const bowl = (rate: number) => ({ rate, nll: 1.7 + 0.3 * Math.log(rate / 1.5e-3) ** 2 });

Deno.test("parabolaOptimum() finds the bottom of a parabola in log rate, whatever the order and spacing", () => {
  const { rate, nll } = parabolaOptimum([4e-3, 5e-4, 1e-3, 3e-3].map(bowl))!;
  assert.ok(Math.abs(rate - 1.5e-3) < 1e-12 && Math.abs(nll - 1.7) < 1e-12, `${rate} ${nll}`);
});

Deno.test("parabolaOptimum() refuses a bottom that may lie outside the grid", () => {
  assert.equal(parabolaOptimum([2e-3, 4e-3, 8e-3].map(bowl)), undefined);
  assert.equal(parabolaOptimum([1e-4, 2e-4, 4e-4].map(bowl)), undefined);
  assert.equal(parabolaOptimum([]), undefined);
  assert.equal(parabolaOptimum([bowl(1e-3), { rate: 2e-3, nll: NaN }]), undefined);
});

Deno.test("parabolaOptimum() lies between two equally low points", () => {
  const nll = [2, 1, 1, 2];
  const points = [5e-4, 1e-3, 2e-3, 4e-3].map((rate, i) => ({ rate, nll: nll[i]! }));
  const { rate } = parabolaOptimum(points)!;
  assert.ok(Math.abs(rate / Math.sqrt(2e-6) - 1) < 1e-9, `${rate}`);
});
