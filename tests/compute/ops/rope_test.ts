import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { lossAfter, numericGradient, upstream } from "../../support/gradcheck.ts";
import { normals } from "../../support/random.ts";
import { f32, runKernel, u32, values } from "../../support/run_kernel.ts";
import { sequences } from "../../support/reference/attention.ts";
import { rope, ropeTable } from "../../support/reference/rope.ts";

// [heads, headDim, lengths of the packed sequences]
const SIZES: readonly [number, number, readonly number[]][] = [
  [1, 2, [1]],
  [3, 12, [7, 1, 4]],
  [2, 16, [41]],
  [5, 64, [1, 1, 9]],
  [2, 128, [66, 3]],
];

await forEachBackend(({ test }) => {
  for (const direction of [1, -1] as const) {
    const name = direction === 1 ? "rope() forward" : "rope() backward";
    test(`${name} matches the f64 reference in packed sequences`, async (backend) => {
      for (const [heads, headDim, lengths] of SIZES) {
        const { start } = sequences(lengths), tokens = start.length;
        const shape = [tokens, heads * headDim];
        const x = f32(shape, normals(1, tokens * heads * headDim));
        const positions = Math.max(...lengths);
        const table = f32([positions, headDim], ropeTable(positions, headDim));
        const inputs = { x, start: u32([tokens], start), table };
        const params = { tokens, heads, head_dim: headDim, direction };
        const actual = await runKernel(backend, "rope", inputs, params);
        const expected = rope(values(x), start, values(table), heads, headDim, direction);
        assertAllclose(actual.x, expected, { name: "x", shape });
      }
    });
  }

  test("rope() backward matches finite differences mid-graph", async (backend) => {
    const [heads, headDim] = [2, 6];
    const { start } = sequences([3, 2]), tokens = start.length;
    const shape = [tokens, heads * headDim], elements = tokens * heads * headDim;
    const table = ropeTable(3, headDim);
    const dY = upstream(normals(2, elements));
    const actual = await runKernel(backend, "rope", {
      x: f32(shape, dY),
      start: u32([tokens], start),
      table: f32([3, headDim], table),
    }, { tokens, heads, head_dim: headDim, direction: -1 });
    const cosSin = Float64Array.from(table);
    const expected = numericGradient(
      (x) => lossAfter(dY, rope(x, start, cosSin, heads, headDim, 1)),
      Float64Array.from(normals(3, elements)),
    );
    assertAllclose(actual.x, expected, { name: "dX", shape });
  });
});
