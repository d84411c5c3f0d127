import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { lossAfter, numericGradient, upstream } from "../../support/gradcheck.ts";
import { normals } from "../../support/random.ts";
import { blank, f32, runKernel, values } from "../../support/run_kernel.ts";
import { rmsnormBackward, rmsnormForward } from "../../support/reference/rmsnorm.ts";

const SIZES = [[1, 1], [1, 7], [7, 41], [41, 123], [3, 64], [5, 257], [130, 65]] as const;
const EPS = 1e-5;

await forEachBackend(({ test }) => {
  test("rmsnormForward() matches the f64 reference at odd shapes", async (backend) => {
    for (const [rows, cols] of SIZES) {
      const x = f32([rows, cols], normals(1, rows * cols)), w = f32([cols], normals(2, cols));
      const inputs = { x, w, y: blank([rows, cols]), rstd: blank([rows]) };
      const actual = await runKernel(backend, "rmsnorm_forward", inputs, { rows, cols, eps: EPS });
      const expected = rmsnormForward(values(x), values(w), EPS);
      assertAllclose(actual.y, expected.y, { name: "y", shape: [rows, cols] });
      assertAllclose(actual.rstd, expected.rstd, { name: "rstd", shape: [rows] });
    }
  });

  test("rmsnormForward() divides a row of zeros by sqrt(eps)", async (backend) => {
    const x = f32([1, 8], new Float32Array(8)), w = f32([8], normals(3, 8));
    const inputs = { x, w, y: blank([1, 8]), rstd: blank([1]) };
    const actual = await runKernel(backend, "rmsnorm_forward", inputs, {
      rows: 1,
      cols: 8,
      eps: 0.25,
    });
    assertAllclose(actual.y, new Float32Array(8), { name: "y", shape: [1, 8] });
    assertAllclose(actual.rstd, [2], { name: "rstd", shape: [1] });
  });

  for (const accumulate of [0, 1]) {
    const how = accumulate === 1 ? "adds to dX" : "overwrites dX";
    test(`rmsnormBackward() ${how} and adds to dW at odd shapes`, async (backend) => {
      for (const [rows, cols] of SIZES) {
        const x = f32([rows, cols], normals(4, rows * cols)), w = f32([cols], normals(5, cols));
        const dY = f32([rows, cols], normals(6, rows * cols));
        const rstd = f32([rows], rmsnormForward(values(x), values(w), EPS).rstd);
        const into = accumulate === 1
          ? f32([rows, cols], normals(7, rows * cols))
          : blank([rows, cols]);
        const intoW = f32([cols], normals(8, cols));
        const size = { rows, cols };
        const inputs = { x, w, rstd, dY, dX: into };
        const { dX } = await runKernel(backend, "rmsnorm_backward", inputs, {
          ...size,
          accumulate,
        });
        const weight = { x, rstd, dY, dW: intoW };
        const { dW } = await runKernel(backend, "rmsnorm_backward_weight", weight, size);
        const expected = rmsnormBackward(values(x), values(w), values(dY), EPS);
        const before = accumulate === 1 ? values(into) : new Float64Array(rows * cols);
        // With one column dX cancels to almost nothing, so the error is that of its terms.
        const tolerance = { atol: 1e-4, rtol: 1e-4 };
        const shape = [rows, cols];
        assertAllclose(
          dX,
          expected.dX.map((d, i) => d + before[i]!),
          { name: "dX", shape },
          tolerance,
        );
        const beforeW = values(intoW);
        assertAllclose(
          dW,
          expected.dW.map((d, i) => d + beforeW[i]!),
          { name: "dW", shape: [cols] },
        );
      }
    });
  }

  test("rmsnormBackward() matches finite differences mid-graph", async (backend) => {
    const [rows, cols] = [3, 7];
    const x = f32([rows, cols], normals(9, rows * cols)), w = f32([cols], normals(10, cols));
    const dY = upstream(normals(11, rows * cols));
    const rstd = f32([rows], rmsnormForward(values(x), values(w), EPS).rstd);
    const { dX } = await runKernel(backend, "rmsnorm_backward", {
      x,
      w,
      rstd,
      dY: f32([rows, cols], dY),
      dX: blank([rows, cols]),
    }, { rows, cols, accumulate: 0 });
    const { dW } = await runKernel(backend, "rmsnorm_backward_weight", {
      x,
      rstd,
      dY: f32([rows, cols], dY),
      dW: f32([cols], new Float32Array(cols)),
    }, { rows, cols });
    const X = values(x), W = values(w);
    const byX = numericGradient((at) => lossAfter(dY, rmsnormForward(at, W, EPS).y), X);
    const byW = numericGradient((at) => lossAfter(dY, rmsnormForward(X, at, EPS).y), W);
    assertAllclose(dX, byX, { name: "dX", shape: [rows, cols] });
    assertAllclose(dW, byW, { name: "dW", shape: [cols] });
  });
});
