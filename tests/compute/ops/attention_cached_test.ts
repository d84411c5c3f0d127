import assert from "@std/assert";
import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { integers, normals } from "../../support/random.ts";
import { blank, f32, runKernel, u32 } from "../../support/run_kernel.ts";
import { IGNORED_ROW } from "../../../compute/backend/kernels.ts";

/** Cells that a row sees: a shared prefix [begin, end), then its own, first to last. */
type Span = readonly [begin: number, end: number, first: number, last: number];

/** softmax(scale · q kᵀ) v in f64, row by row. */
function attend(
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  spans: readonly Span[],
  { heads, kv_heads, head_dim: D, scale }: Record<string, number>,
): Float64Array {
  const o = new Float64Array(spans.length * heads! * D!);
  spans.forEach(([begin, end, first, last], n) => {
    const range = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => from + i);
    const cells = [...range(begin, end), ...range(first, last + 1)];
    for (let h = 0; h < heads!; h++) {
      const kv = Math.floor(h * kv_heads! / heads!);
      const at = (cell: number) => (cell * kv_heads! + kv) * D!;
      const scores = cells.map((cell) => {
        let sum = 0;
        for (let d = 0; d < D!; d++) sum += q[(n * heads! + h) * D! + d]! * k[at(cell) + d]!;
        return scale! * sum;
      });
      const top = Math.max(...scores);
      const weights = scores.map((s) => Math.exp(s - top));
      const total = weights.reduce((sum, w) => sum + w, 0);
      weights.forEach((w, j) => {
        for (let d = 0; d < D!; d++) {
          o[(n * heads! + h) * D! + d]! += w / total * v[at(cells[j]!) + d]!;
        }
      });
    }
  });
  return o;
}

/** The spans as the kernel takes them. */
function bounds(spans: readonly Span[]) {
  const column = (i: 0 | 1 | 2 | 3) => u32([spans.length], spans.map((span) => span[i]));
  return { prefix: column(0), prefix_end: column(1), first: column(2), last: column(3) };
}

/** Heads, key/value heads, head size. */
const SHAPES = [[1, 1, 2], [4, 2, 6], [6, 3, 64], [3, 1, 128], [2, 2, 254], [5, 2, 256]] as const;

await forEachBackend(({ test }) => {
  test("attention_cached matches the f64 reference over odd shapes and spans", async (backend) => {
    const cells = 1200;
    const spans: Span[] = [
      [0, 0, 0, 0],
      [0, 0, 3, 9],
      [900, 1030, 100, 163],
      [900, 1030, 7, 71],
      [900, 1030, 5, 5],
      [1000, 1001, 0, 999],
      [0, 1199, 1199, 1199],
      [3, 3, 600, 1111],
      [40, 77, 600, 601],
      [40, 77, 602, 611],
    ];
    for (const [heads, kv_heads, head_dim] of SHAPES) {
      const params = { rows: spans.length, cells, heads, kv_heads, head_dim, scale: 0.2 };
      const q = normals(1, spans.length * heads * head_dim);
      const k = normals(2, cells * kv_heads * head_dim);
      const v = normals(3, cells * kv_heads * head_dim);
      const { o } = await runKernel(backend, "attention_cached", {
        q: f32([q.length], q),
        k: f32([k.length], k),
        v: f32([v.length], v),
        ...bounds(spans),
        o: blank([q.length]),
      }, params);
      const name = `o (heads ${heads}, ${kv_heads}, size ${head_dim})`;
      const expected = attend(q, k, v, spans, params);
      assertAllclose(o, expected, { name, shape: [spans.length, heads, head_dim] }, {
        atol: 2e-5,
        rtol: 1e-4,
      });
    }
  });

  test("attention_cached gives a row the same bits whatever the other rows are", async (backend) => {
    const q = normals(1, 24), k = normals(2, 900 * 12), v = normals(3, 900 * 12);
    const run = async (spans: readonly Span[]) => {
      const queries = new Float32Array(spans.length * 24);
      spans.forEach((_, n) => queries.set(q, n * 24));
      const { o } = await runKernel(backend, "attention_cached", {
        q: f32([queries.length], queries),
        k: f32([k.length], k),
        v: f32([v.length], v),
        ...bounds(spans),
        o: blank([queries.length]),
      }, { rows: spans.length, cells: 900, heads: 4, kv_heads: 2, head_dim: 6, scale: 0.4 });
      return o;
    };
    const alone = await run([[300, 700, 5, 299]]);
    const together = await run([
      [0, 0, 0, 10],
      [300, 700, 800, 801],
      [300, 700, 5, 299],
      [300, 700, 44, 44],
    ]);
    assert.deepEqual([...together.slice(48, 72)], [...alone]);
  });

  test("copy_rows copies the rows named and leaves the others", async (backend) => {
    for (const cols of [1, 7, 64]) {
      const rows = 41, x = normals(1, 20 * cols), before = normals(2, 60 * cols);
      const from = integers(3, rows, 20);
      const to = Uint32Array.from({ length: rows }, (_, i) => i % 5 === 1 ? IGNORED_ROW : 59 - i);
      const { y } = await runKernel(backend, "copy_rows", {
        x: f32([20, cols], x),
        from: u32([rows], from),
        to: u32([rows], to),
        y: f32([60, cols], before),
      }, { rows, cols });
      const expected = before.slice();
      to.forEach((row, i) => {
        if (row === IGNORED_ROW) return;
        expected.set(x.subarray(from[i]! * cols, (from[i]! + 1) * cols), row * cols);
      });
      assert.deepEqual([...y], [...expected]);
    }
  });

  test("select_columns leaves each row its own adapter, scaled", async (backend) => {
    const [rows, cols] = [41, 7];
    const x = normals(1, rows * cols), scale = normals(2, cols);
    const choice = integers(3, rows, 4), owner = [0, 0, 1, 2, 2, 2, 1];
    const { x: actual } = await runKernel(backend, "select_columns", {
      x: f32([rows, cols], x),
      choice: u32([rows], choice),
      owner: u32([cols], owner),
      scale: f32([cols], scale),
    }, { rows, cols });
    const expected = x.map((value, i) =>
      owner[i % cols] === choice[Math.floor(i / cols)] ? Math.fround(value * scale[i % cols]!) : 0
    );
    assert.deepEqual([...actual], [...expected]);
  });
});
