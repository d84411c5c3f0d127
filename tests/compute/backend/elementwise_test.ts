import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { normals } from "../../support/random.ts";
import { blank, f32, runKernel, values } from "../../support/run_kernel.ts";
import * as reference from "../../support/reference/elementwise.ts";

const LENGTHS = [1, 7, 41, 123, 257, 4099];

await forEachBackend(({ test }) => {
  test("fill() writes every element and nothing after them", async (backend) => {
    for (const n of LENGTHS) {
      const y = f32([n + 1], normals(1, n + 1));
      const actual = await runKernel(backend, "fill", { y }, { n, value: -0.3 });
      const expected = new Float32Array(n + 1).fill(-0.3);
      expected[n] = y.data[n]!;
      assertAllclose(actual.y, expected, { name: "y", shape: y.shape });
    }
  });

  test("scale() writes scale · x whatever y held", async (backend) => {
    for (const n of LENGTHS) {
      const x = f32([n], normals(2, n));
      const inputs = { x, y: blank([n]) };
      const { y } = await runKernel(backend, "scale", inputs, { n, scale: 1.7, accumulate: 0 });
      assertAllclose(y, reference.scale(values(x), 1.7), { name: "y", shape: [n] });
    }
  });

  test("scale() adds scale · x to y when it accumulates", async (backend) => {
    for (const n of LENGTHS) {
      const x = f32([n], normals(3, n)), into = f32([n], normals(4, n));
      const params = { n, scale: -0.6, accumulate: 1 };
      const { y } = await runKernel(backend, "scale", { x, y: into }, params);
      assertAllclose(y, reference.scale(values(x), -0.6, values(into)), { name: "y", shape: [n] });
    }
  });

  test("add() writes a + b", async (backend) => {
    for (const n of LENGTHS) {
      const a = f32([n], normals(5, n)), b = f32([n], normals(6, n));
      const { y } = await runKernel(backend, "add", { a, b, y: blank([n]) }, { n });
      assertAllclose(y, reference.add(values(a), values(b)), { name: "y", shape: [n] });
    }
  });
});
