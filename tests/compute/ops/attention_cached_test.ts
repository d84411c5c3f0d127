import assert from "@std/assert";
import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { integers, normals } from "../../support/random.ts";
import { blank, f32, runKernel, u32 } from "../../support/run_kernel.ts";
import { IGNORED_ROW, PAGE } from "../../../compute/backend/kernels.ts";

/** A row: its pages, how many tokens its prompt has in them, and how many of its own follow from the next page on. */
interface Row {
  readonly pages: readonly number[];
  readonly prompt: number;
  readonly own: number;
}

const firstOwn = ({ prompt }: Row) => Math.ceil(prompt / PAGE) * PAGE;

/** Pages for so many tokens after the prompt's; no two of a list are the same. */
function pagesOf(prompt: number, own: number, pool: number[]): number[] {
  return pool.splice(0, Math.ceil(prompt / PAGE) + Math.ceil(own / PAGE));
}

/** 0 … count − 1 in some order. */
function shuffled(seed: number, count: number): number[] {
  const keys = normals(seed, count);
  return Array.from(keys.keys()).sort((a, b) => keys[a]! - keys[b]!);
}

/** softmax(scale · q kᵀ) v in f64, row by row. */
function attend(
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  rows: readonly Row[],
  { heads, kv_heads, head_dim: D, scale }: Record<string, number>,
): Float64Array {
  const o = new Float64Array(rows.length * heads! * D!);
  rows.forEach((row, n) => {
    const first = firstOwn(row);
    const tokens = [
      ...Array.from({ length: row.prompt }, (_, t) => t),
      ...Array.from({ length: row.own }, (_, t) => first + t),
    ];
    const cells = tokens.map((t) => row.pages[Math.floor(t / PAGE)]! * PAGE + t % PAGE);
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

/** The rows as the kernel takes them; entries that no token needs name a page that is not there. */
function tables(rows: readonly Row[]) {
  const width = Math.max(...rows.map(({ pages }) => pages.length));
  const entries = rows.flatMap(({ pages }) => [
    ...pages,
    ...Array<number>(width - pages.length).fill(0xfffffff),
  ]);
  return {
    width,
    pages: u32([rows.length, width], entries),
    prompt: u32([rows.length], rows.map(({ prompt }) => prompt)),
    last: u32([rows.length], rows.map((row) => firstOwn(row) + row.own - 1)),
  };
}

/** Heads, key/value heads, head size. */
const SHAPES = [[1, 1, 2], [4, 2, 6], [6, 3, 64], [3, 1, 128], [2, 2, 254], [5, 2, 256]] as const;

await forEachBackend(({ test }) => {
  test("attention_cached matches the f64 reference over odd shapes and pages", async (backend) => {
    const count = 260, cells = count * PAGE, pool = shuffled(9, count);
    const shared = pagesOf(130, 0, pool), other = pagesOf(1199, 0, pool);
    const row = (prompt: number, own: number, begin = pagesOf(prompt, 0, pool)): Row => ({
      prompt,
      own,
      pages: [...begin, ...pagesOf(0, own, pool)],
    });
    const rows = [
      row(0, 1),
      row(0, 7),
      row(130, 64, shared),
      row(130, 65, shared),
      row(130, 1, shared),
      row(1, 1000),
      row(1199, 1, other),
      row(1199, 33, other),
      row(0, 512),
      row(37, 2),
      row(32, 10),
    ];
    for (const [heads, kv_heads, head_dim] of SHAPES) {
      const { width, ...table } = tables(rows);
      const params = { rows: rows.length, cells, width, heads, kv_heads, head_dim, scale: 0.2 };
      const q = normals(1, rows.length * heads * head_dim);
      const k = normals(2, cells * kv_heads * head_dim);
      const v = normals(3, cells * kv_heads * head_dim);
      const { o } = await runKernel(backend, "attention_cached", {
        q: f32([q.length], q),
        k: f32([k.length], k),
        v: f32([v.length], v),
        ...table,
        o: blank([q.length]),
      }, params);
      const name = `o (heads ${heads}, ${kv_heads}, size ${head_dim})`;
      const expected = attend(q, k, v, rows, params);
      assertAllclose(o, expected, { name, shape: [rows.length, heads, head_dim] }, {
        atol: 2e-5,
        rtol: 1e-4,
      });
    }
  });

  test("attention_cached gives a row the same bits wherever its pages and other rows are", async (backend) => {
    const count = 60, cells = count * PAGE, width = 12;
    const q = normals(1, 24), k = normals(2, 400 * width), v = normals(3, 400 * width);
    const subject = { prompt: 203, own: 150 };
    /** What the subject gets in these pages, between other rows; the rest of the cache is noise. */
    const run = async (pages: readonly number[], before: readonly Row[], after: readonly Row[]) => {
      const row = { ...subject, pages };
      const rows = [...before, row, ...after];
      const keys = normals(7, cells * width), values = normals(8, cells * width);
      for (let t = 0; t < firstOwn(row) + row.own; t++) {
        const cell = pages[Math.floor(t / PAGE)]! * PAGE + t % PAGE;
        keys.set(k.subarray(t * width, (t + 1) * width), cell * width);
        values.set(v.subarray(t * width, (t + 1) * width), cell * width);
      }
      const queries = new Float32Array(rows.length * 24);
      rows.forEach((_, n) => queries.set(q, n * 24));
      const { width: entries, ...table } = tables(rows);
      const { o } = await runKernel(backend, "attention_cached", {
        q: f32([queries.length], queries),
        k: f32([keys.length], keys),
        v: f32([values.length], values),
        ...table,
        o: blank([queries.length]),
      }, {
        rows: rows.length,
        cells,
        width: entries,
        heads: 4,
        kv_heads: 2,
        head_dim: 6,
        scale: 0.4,
      });
      return [...o.slice(before.length * 24, (before.length + 1) * 24)];
    };
    const inOrder = Array.from({ length: 23 }, (_, i) => i);
    const alone = await run(inOrder, [], []);
    const pages = shuffled(5, count), mine = pages.splice(0, 23);
    const shared = mine.slice(0, 13);
    const together = await run(
      mine,
      [{ prompt: 0, own: 11, pages: pages.splice(0, 1) }, {
        prompt: 203,
        own: 2,
        pages: [...shared, ...pages.splice(0, 1)],
      }],
      [{ prompt: 203, own: 1, pages: [...shared, ...pages.splice(0, 1)] }],
    );
    assert.deepEqual(together, alone);
  });

  test("find_cells gives each row's last token a cell, and none to a row that has ended", async (backend) => {
    const rows = 70, width = 5, pages = integers(1, rows * width, 1000);
    const last = integers(2, rows, width * PAGE), left = integers(3, rows, 3);
    const { cell } = await runKernel(backend, "find_cells", {
      pages: u32([rows, width], pages),
      last: u32([rows], last),
      left: u32([rows], left),
      cell: u32([rows], Array<number>(rows).fill(7)),
    }, { rows, width });
    const expected = Array.from(
      last,
      (t, n) =>
        left[n] === 0 ? IGNORED_ROW : pages[n * width + Math.floor(t / PAGE)]! * PAGE + t % PAGE,
    );
    assert.deepEqual([...cell], expected);
    assert(left.includes(0));
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
