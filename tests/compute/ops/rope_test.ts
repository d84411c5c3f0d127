import assert from "@std/assert";
import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { lossAfter, numericGradient, upstream } from "../../support/gradcheck.ts";
import { normals } from "../../support/random.ts";
import { f32, runKernel, u32, values } from "../../support/run_kernel.ts";
import { sequences } from "../../support/reference/attention.ts";
import { rope, ropeTable } from "../../support/reference/rope.ts";
import { inverseFrequencies, ropeTable as opTable } from "../../../compute/ops/rope.ts";

// [heads, headDim, lengths of the packed sequences]
const SIZES: readonly [number, number, readonly number[]][] = [
  [1, 2, [1]],
  [3, 12, [7, 1, 4]],
  [2, 16, [41]],
  [5, 64, [1, 1, 9]],
  [2, 128, [66, 3]],
];

Deno.test("ropeTable() holds cosines and sines of position times frequency", () => {
  const frequencies = inverseFrequencies(12, 10000);
  assertAllclose(frequencies, Float64Array.from({ length: 6 }, (_, i) => 10000 ** (-i / 6)), {
    name: "frequencies",
    shape: [6],
  }, { atol: 0, rtol: 1e-12 });
  const table = opTable(50, frequencies);
  assertAllclose(table, ropeTable(50, 12), { name: "table", shape: [50, 12] });
});

Deno.test("inverseFrequencies() under llama3 scaling stretches long wavelengths only", () => {
  // Llama-3.2-1B: theta 500000, head size 64. A wavelength of 2π/f turns 8192·f/2π times in the
  // original context: over 4 turns unchanged, under 1 divided by the factor, between them a blend.
  const scaling = {
    rope_type: "llama3",
    factor: 32,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  } as const;
  const plain = inverseFrequencies(64, 500000);
  const scaled = inverseFrequencies(64, 500000, scaling);
  const turns = plain.map((f) => 8192 * f / (2 * Math.PI));
  const ratios = scaled.map((f, i) => f / plain[i]!);
  let blended = 0;
  ratios.forEach((ratio, i) => {
    if (turns[i]! >= 4) assert.equal(ratio, 1);
    else if (turns[i]! <= 1) assert.equal(ratio, 1 / 32);
    else {
      const share = (turns[i]! - 1) / 3;
      assertAllclose([ratio], [share + (1 - share) / 32], { name: `ratio ${i}`, shape: [1] });
      blended++;
    }
  });
  assert(blended > 0 && ratios[0] === 1 && ratios[31] === 1 / 32);
});

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
