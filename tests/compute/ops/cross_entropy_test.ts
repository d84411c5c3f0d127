import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { lossAfter, numericGradient, upstream } from "../../support/gradcheck.ts";
import { integers, normals } from "../../support/random.ts";
import { blank, f32, type Input, runKernel, u32, values } from "../../support/run_kernel.ts";
import {
  crossEntropyBackward,
  crossEntropyForward,
} from "../../support/reference/cross_entropy.ts";
import { IGNORED_TARGET } from "../../../compute/backend/kernels.ts";

const SIZES = [[1, 1], [1, 7], [7, 41], [41, 123], [5, 257], [130, 65], [3, 4099]] as const;

/** Rows of logits with every third target ignored, except where there is but one row. */
function inputsOf(rows: number, cols: number, scale = 3) {
  const targets = integers(1, rows, cols);
  for (let m = 1; m < rows; m += 3) targets[m] = IGNORED_TARGET;
  return {
    targets,
    logits: f32([rows, cols], normals(2, rows * cols, scale)),
    weight: f32([rows], upstream(normals(3, rows))),
  };
}

function tensors(at: ReturnType<typeof inputsOf>, rows: number, logits: Input = at.logits) {
  return { logits, targets: u32([rows], at.targets), weight: at.weight, nll: blank([rows]) };
}

await forEachBackend(({ test }) => {
  test("crossEntropyForward() matches the f64 reference and counts no ignored target", async (backend) => {
    for (const [rows, cols] of SIZES) {
      const at = inputsOf(rows, cols);
      const params = { rows, cols, backward: 0 };
      const { nll } = await runKernel(backend, "cross_entropy", tensors(at, rows), params);
      const expected = crossEntropyForward(values(at.logits), at.targets, cols);
      assertAllclose(nll, expected, { name: `nll (cols=${cols})`, shape: [rows] });
    }
  });

  test("crossEntropyForward() survives logits far beyond exp's range", async (backend) => {
    const at = inputsOf(7, 41, 300);
    const { nll } = await runKernel(backend, "cross_entropy", tensors(at, 7), {
      rows: 7,
      cols: 41,
      backward: 0,
    });
    const expected = crossEntropyForward(values(at.logits), at.targets, 41);
    // The logits are of order 10³: f32 knows a difference of two of them to about 10⁻⁴.
    const tolerance = { atol: 5e-4, rtol: 1e-5 };
    assertAllclose(nll, expected, { name: "nll", shape: [7] }, tolerance);
  });

  test("crossEntropyBackward() matches the f64 reference and zeroes ignored rows", async (backend) => {
    for (const [rows, cols] of SIZES) {
      const at = inputsOf(rows, cols), L = values(at.logits), shape = [rows, cols];
      const params = { rows, cols, backward: 1 };
      const actual = await runKernel(backend, "cross_entropy", tensors(at, rows), params);
      const nll = crossEntropyForward(L, at.targets, cols);
      const dLogits = crossEntropyBackward(L, at.targets, values(at.weight), cols);
      assertAllclose(actual.nll, nll, { name: `nll (cols=${cols})`, shape: [rows] });
      assertAllclose(actual.logits, dLogits, { name: "dLogits", shape });
    }
  });

  test("crossEntropyBackward() of an ignored row is zero even where its logits are not finite", async (backend) => {
    const at = inputsOf(2, 9), spoiled = f32([2, 9], at.logits.data);
    spoiled.data.fill(NaN, 9);
    const inputs = tensors(at, 2, spoiled);
    const actual = await runKernel(backend, "cross_entropy", inputs, {
      rows: 2,
      cols: 9,
      backward: 1,
    });
    assertAllclose(actual.logits.slice(9), new Float32Array(9), { name: "dLogits", shape: [9] });
    assertAllclose(actual.nll.slice(1), [0], { name: "nll", shape: [1] });
  });

  test("crossEntropyBackward() matches finite differences mid-graph", async (backend) => {
    const [rows, cols] = [5, 7];
    const at = inputsOf(rows, cols);
    const params = { rows, cols, backward: 1 };
    const { logits } = await runKernel(backend, "cross_entropy", tensors(at, rows), params);
    const expected = numericGradient(
      (L) => lossAfter(at.weight.data, crossEntropyForward(L, at.targets, cols)),
      values(at.logits),
    );
    assertAllclose(logits, expected, { name: "dLogits", shape: [rows, cols] });
  });
});
