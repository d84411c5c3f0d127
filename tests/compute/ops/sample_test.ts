import assert from "@std/assert";
import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import {
  distribution,
  draw,
  logProbability,
  type Sampling,
} from "../../support/reference/sample.ts";
import { normals } from "../../support/random.ts";
import { blankU32, f32, runKernel, u32 } from "../../support/run_kernel.ts";
import type { Backend } from "../../../compute/backend/backend.ts";

/** Draws rows.length · us.length tokens: every row of logits with every u. */
async function sampleAll(
  backend: Backend,
  rows: readonly Float32Array[],
  options: Sampling,
  us: readonly number[],
) {
  const cols = rows[0]!.length, count = rows.length * us.length;
  const logits = new Float32Array(count * cols);
  for (let m = 0; m < count; m++) logits.set(rows[Math.floor(m / us.length)]!, m * cols);
  // Tick 2 of three: the others hold what must not be read.
  const uniform = new Float32Array(3 * count).fill(0.999);
  for (let m = 0; m < count; m++) uniform[2 * count + m] = us[m % us.length]!;
  const { drawn } = await runKernel(backend, "sample", {
    logits: f32([count, cols], logits),
    options: f32([count, 4], Array.from({ length: count }, () => options).flat()),
    uniform: f32([3, count], uniform),
    tick: u32([count], new Uint32Array(count).fill(2)),
    drawn: blankU32([count, 2]),
  }, { rows: count, cols, stride: count });
  const pairs = drawn as Uint32Array;
  return {
    tokens: Array.from({ length: count }, (_, m) => pairs[m * 2]!),
    logprobs: Array.from(new Float32Array(pairs.buffer), (x) => x).filter((_, i) => i % 2 === 1),
  };
}

/** Midpoints of equal parts of [0, 1). */
const grid = (n: number) => Array.from({ length: n }, (_, i) => (i + 0.5) / n);

await forEachBackend(({ test }) => {
  test("sample draws by the inverse of the running sum, whatever the filters", async (backend) => {
    const cases: Sampling[] = [
      [1, 0, 1, 0],
      [0.7, 0, 1, 0],
      [1.3, 5, 1, 0],
      [1, 0, 0.6, 0],
      [1, 0, 1, 0.2],
      [0.9, 12, 0.8, 0.05],
      [1, 1, 1, 0],
      [1, 0, 0, 0],
      [1, 0, 1, 1],
    ];
    for (const cols of [1, 7, 41, 257, 1009]) {
      const row = normals(cols, cols, 2);
      for (const options of cases) {
        const expected = distribution(row, options);
        const us = grid(23);
        const { tokens, logprobs } = await sampleAll(backend, [row], options, us);
        // Where u falls on the edge between two tokens, rounding decides: none of these does.
        assert.deepEqual(tokens, us.map((u) => draw(expected, u)), `cols=${cols} ${options}`);
        const reference = tokens.map((id) => logProbability(expected, id));
        const tolerance = { atol: 1e-5, rtol: 1e-5 };
        assertAllclose(logprobs, reference, { name: "logprob", shape: [us.length] }, tolerance);
      }
    }
  });

  test("sample at temperature 0 takes the first of the largest logits", async (backend) => {
    const row = normals(3, 700);
    row[600] = 9;
    row[77] = 9;
    const { tokens, logprobs } = await sampleAll(backend, [row], [0, 3, 0.1, 0], [0, 0.99]);
    assert.deepEqual(tokens, [77, 77]);
    const expected = logProbability(distribution(row, [1, 0, 1, 0]), 77);
    assertAllclose(logprobs, [expected, expected], { name: "logprob", shape: [2] });
  });

  test("sample keeps what equals the smallest kept weight, and never draws a weight of 0", async (backend) => {
    const row = new Float32Array(300).fill(-1e4);
    for (const id of [4, 130, 131, 299]) row[id] = 1;
    for (const options of [[1, 2, 1, 0], [1, 0, 0.3, 0], [1, 0, 1, 0]] as Sampling[]) {
      const { tokens } = await sampleAll(backend, [row], options, [0, 0.3, 0.6, 0.99999994]);
      assert.deepEqual(tokens, [4, 130, 131, 299]);
    }
  });

  test("sample survives logits far beyond exp's range", async (backend) => {
    const row = normals(5, 500, 400);
    const { tokens, logprobs } = await sampleAll(backend, [row], [1, 0, 0.9, 0], [0.5]);
    const expected = distribution(row, [1, 0, 0.9, 0]);
    assert.equal(tokens[0], draw(expected, 0.5));
    assert(Number.isFinite(logprobs[0]));
  });

  test("sample draws each token as often as its probability says", async (backend) => {
    const row = normals(9, 6), us = grid(2000);
    const { tokens } = await sampleAll(backend, [row], [1, 0, 1, 0], us);
    const { weights } = distribution(row, [1, 0, 1, 0]);
    const total = weights.reduce((sum, w) => sum + w, 0);
    const counts = Array.from(weights, (_, id) => tokens.filter((t) => t === id).length);
    const shares = counts.map((n) => n / us.length);
    const tolerance = { atol: 1e-3, rtol: 0 };
    assertAllclose(shares, weights.map((w) => w / total), { name: "share", shape: [6] }, tolerance);
  });

  test("advance writes tokens down, moves on, and stops", async (backend) => {
    const none = 0xffffffff;
    const stops = new Uint32Array(5 * 8).fill(none);
    stops[1 * 8 + 7] = 21;
    const { tick, left, ids, start, last, ring } = await runKernel(backend, "advance", {
      drawn: u32([5, 2], [20, 1, 21, 2, 22, 3, 23, 4, 20, 5]),
      stops: u32([5, 8], stops),
      tick: u32([5], [0, 1, 1, 0, 0]),
      left: u32([5], [9, 9, 1, 0, 2]),
      ids: u32([5], [1, 2, 3, 4, 5]),
      start: u32([5], [0, 0, 0, 0, 7]),
      last: u32([5], [10, 11, 12, 13, 14]),
      ring: u32([2, 6, 2], new Uint32Array(24)),
    }, { rows: 5, stride: 6 });
    assert.deepEqual([...left], [8, 0, 0, 0, 1]);
    assert.deepEqual([...tick], [1, 2, 2, 0, 1]);
    assert.deepEqual([...ids], [20, 2, 3, 4, 20]);
    assert.deepEqual([...start], [0xffffffff, 0, 0, 0, 6]);
    assert.deepEqual([...last], [11, 11, 12, 13, 15]);
    const written = new Uint32Array(24);
    [[0, 0, 20, 1], [1, 1, 21, 2], [1, 2, 22, 3], [0, 4, 20, 5]].forEach(([t, m, id, bits]) =>
      written.set([id!, bits!], (t! * 6 + m!) * 2)
    );
    assert.deepEqual([...ring], [...written]);
  });
});
