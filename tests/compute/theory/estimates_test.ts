import assert from "@std/assert";
import {
  meanEstimate,
  passAtK,
  proportion,
  ratioEstimate,
} from "../../../compute/theory/estimates.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { normals, uniformStream } from "../../support/random.ts";

const near = (actual: number, expected: number, atol = 1e-12) =>
  assertAllclose([actual], [expected], { name: "value", shape: [1] }, { atol, rtol: 0 });

/** The share of k-subsets of n samples, c of them right, that have a right one. */
function bruteForce(n: number, c: number, k: number): number {
  let hits = 0, all = 0;
  for (let set = 0; set < 1 << n; set++) {
    if (set.toString(2).replaceAll("0", "").length !== k) continue;
    all++;
    if ((set & ((1 << c) - 1)) !== 0) hits++;
  }
  return hits / all;
}

Deno.test("passAtK() is the share of subsets with a right sample", () => {
  for (const n of [1, 4, 9]) {
    for (let c = 0; c <= n; c++) {
      for (let k = 1; k <= n; k++) near(passAtK(n, c, k), bruteForce(n, c, k));
    }
  }
  near(passAtK(1000, 3, 1), 0.003);
  assert.throws(() => passAtK(4, 1, 5), RangeError);
});

Deno.test("proportion() has Wilson's interval", () => {
  // The roots of (p − c/n)² = z² p (1 − p) / n, solved on paper: 8 of 10 is the textbooks' [0.490, 0.943].
  const cases = [
    [8, 10, 0.4901624715, 0.9433178485],
    [0, 20, 0, 0.1611251581],
    [20, 20, 0.8388748419, 1],
    [500, 1319, 0.3532795983, 0.4055728342],
  ] as const;
  for (const [c, n, low, high] of cases) {
    const estimate = proportion(c, n);
    near(estimate.value, c / n);
    near(estimate.low, low, 1e-9);
    near(estimate.high, high, 1e-9);
  }
});

Deno.test("meanEstimate() is a proportion for yes and no, else a bootstrap that covers the mean", () => {
  assert.deepEqual(meanEstimate([1, 0, 1, 1], () => 0), proportion(3, 4));
  let covered = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const draw = uniformStream(seed), random = uniformStream(1000 + seed);
    const values = Array.from({ length: 80 }, () => Math.floor(draw() * 5) / 4);
    const { value, low, high } = meanEstimate(values, random);
    assert(low < value && value < high);
    if (low <= 0.5 && 0.5 <= high) covered++;
  }
  // 57 of 60 are expected.
  assert(covered >= 52, `${covered} of 60 intervals cover the mean`);
});

Deno.test("ratioEstimate() weighs groups by their size, and its interval covers the ratio", () => {
  const { value } = ratioEstimate([{ total: 3, weight: 1 }, { total: 1, weight: 3 }]);
  near(value, 1);
  assert.equal(ratioEstimate([{ total: 3, weight: 2 }]).high, Infinity);
  let covered = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const noise = normals(seed, 60, 0.5), sizes = uniformStream(seed);
    const groups = Array.from(noise, (each) => {
      const weight = 1 + Math.floor(20 * sizes());
      return { total: weight * (2 + each), weight };
    });
    const { low, high } = ratioEstimate(groups);
    if (low <= 2 && 2 <= high) covered++;
  }
  assert(covered >= 86, `${covered} of 100 intervals cover the ratio`);
});
