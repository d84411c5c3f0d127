import assert from "@std/assert";
import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { lossAfter, numericGradient, upstream } from "../../support/gradcheck.ts";
import { integers, normals } from "../../support/random.ts";
import { blank, f32, runKernel, u32, values } from "../../support/run_kernel.ts";
import { groupSlots } from "../../support/reference/route.ts";

/** Tokens, columns, experts for each token. */
const SIZES = [[1, 1, 1], [7, 41, 2], [41, 64, 3], [123, 7, 8]] as const;

function grouping(tokens: number, k: number) {
  return groupSlots(integers(9, tokens * k, 5), 5);
}

await forEachBackend(({ test }) => {
  test("gatherRows() and scatterRows() match the reference", async (backend) => {
    for (const [tokens, cols, k] of SIZES) {
      const rows = tokens * k, { order, place } = grouping(tokens, k);
      const x = normals(1, tokens * cols), y = normals(2, rows * cols);
      const gathered = await runKernel(backend, "gather_rows", {
        x: f32([tokens, cols], x),
        order: u32([rows], order),
        y: blank([rows, cols]),
      }, { rows, cols, k });
      const copies = order.flatMap((slot) => {
        const token = Math.floor(slot / k);
        return Array.from(x.subarray(token * cols, (token + 1) * cols));
      });
      assertAllclose(gathered.y, copies, { name: "gathered", shape: [rows, cols] });
      const choice = integers(4, tokens, 3);
      const { own } = await runKernel(backend, "gather_choice", {
        choice: u32([tokens], choice),
        order: u32([rows], order),
        own: u32([rows], new Array(rows).fill(7)),
      }, { rows, k });
      assert.deepEqual([...own], order.map((slot) => choice[Math.floor(slot / k)]));
      for (const accumulate of [0, 1]) {
        const start = normals(3, tokens * cols);
        const scattered = await runKernel(backend, "scatter_rows", {
          x: f32([rows, cols], y),
          place: u32([rows], place),
          y: accumulate ? f32([tokens, cols], start) : blank([tokens, cols]),
        }, { rows: tokens, cols, k, accumulate });
        const sums = Array.from({ length: tokens * cols }, (_, i) => {
          const token = Math.floor(i / cols), col = i % cols;
          let sum = accumulate ? start[i]! : 0;
          for (let j = 0; j < k; j++) sum += y[place[token * k + j]! * cols + col]!;
          return sum;
        });
        assertAllclose(scattered.y, sums, { name: "scattered", shape: [tokens, cols] });
      }
    }
  });

  test("scaleRows() and its backward match the reference", async (backend) => {
    for (const [tokens, cols, k] of SIZES) {
      const rows = tokens * k, { order } = grouping(tokens, k);
      const x = f32([rows, cols], normals(1, rows * cols));
      const scale = f32([rows], normals(2, rows));
      const dY = f32([rows, cols], normals(3, rows * cols));
      const shared = { x, scale, order: u32([rows], order) };
      const { y } = await runKernel(backend, "scale_rows", {
        ...shared,
        y: blank([rows, cols]),
      }, { rows, cols });
      const factor = (i: number) => scale.data[order[Math.floor(i / cols)]!]!;
      const shape = [rows, cols];
      assertAllclose(y, x.data.map((v, i) => v * factor(i)), { name: "y", shape });
      const backward = await runKernel(backend, "scale_rows_backward", {
        ...shared,
        dY,
        dX: blank(shape),
        dScale: blank([rows]),
      }, { rows, cols });
      assertAllclose(backward.dX, dY.data.map((v, i) => v * factor(i)), { name: "dX", shape });
      const dScale = new Float64Array(rows);
      order.forEach((slot, row) => {
        for (let c = 0; c < cols; c++) {
          dScale[slot]! += dY.data[row * cols + c]! * x.data[row * cols + c]!;
        }
      });
      assertAllclose(backward.dScale, dScale, { name: "dScale", shape: [rows] });
    }
  });

  test("scaleRowsBackward() matches finite differences mid-graph", async (backend) => {
    const rows = 6, cols = 5, shape = [rows, cols], order = [3, 1, 0, 5, 4, 2];
    const x = f32(shape, normals(4, rows * cols)), scale = f32([rows], normals(5, rows));
    const dY = f32(shape, upstream(normals(6, rows * cols)));
    const { dX, dScale } = await runKernel(backend, "scale_rows_backward", {
      x,
      scale,
      order: u32([rows], order),
      dY,
      dX: blank(shape),
      dScale: blank([rows]),
    }, { rows, cols });
    const loss = (v: Float64Array, s: Float64Array) =>
      lossAfter(dY.data, v.map((value, i) => value * s[order[Math.floor(i / cols)]!]!));
    const X = values(x), S = values(scale);
    assertAllclose(dX, numericGradient((v) => loss(v, S), X), { name: "dX", shape });
    const byScale = numericGradient((s) => loss(X, s), S);
    assertAllclose(dScale, byScale, { name: "dScale", shape: [rows] });
  });
});
