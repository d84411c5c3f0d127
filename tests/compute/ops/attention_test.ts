import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { lossAfter, numericGradient, upstream } from "../../support/gradcheck.ts";
import { normals } from "../../support/random.ts";
import { blank, f32, type Input, runKernel, u32, values } from "../../support/run_kernel.ts";
import {
  attentionBackward,
  attentionForward,
  type AttentionSize,
  sequences,
} from "../../support/reference/attention.ts";

// [heads, kv_heads, head_dim, lengths of the packed sequences]
const SIZES: readonly [number, number, number, readonly number[]][] = [
  [1, 1, 12, [1]],
  [2, 2, 16, [7]],
  [4, 2, 12, [1, 41, 1, 3]],
  [6, 2, 64, [33, 1, 17]],
  [4, 1, 128, [5, 66]],
  [2, 1, 16, [129, 1, 130]],
];

/** Attention's inputs on the host for one size, scale included. */
function inputsOf([heads, kvHeads, headDim, lengths]: typeof SIZES[number]) {
  const { start, end } = sequences(lengths), tokens = start.length;
  const queries = [tokens, heads * headDim], keys = [tokens, kvHeads * headDim];
  const scale = Math.fround(headDim ** -0.5 * 1.25);
  return {
    start,
    tokens,
    size: { heads, kvHeads, headDim, scale } satisfies AttentionSize,
    params: { tokens, heads, kv_heads: kvHeads, head_dim: headDim, scale },
    starts: u32([tokens], start),
    ends: u32([tokens], end),
    q: f32(queries, normals(1, tokens * heads * headDim)),
    k: f32(keys, normals(2, tokens * kvHeads * headDim)),
    v: f32(keys, normals(3, tokens * kvHeads * headDim)),
    dO: f32(queries, upstream(normals(4, tokens * heads * headDim))),
    name: `(${heads}/${kvHeads} heads of ${headDim}, sequences ${lengths})`,
  };
}

/** What the forward pass hands to the backward pass, from the reference. */
function forwardState(at: ReturnType<typeof inputsOf>): { o: Input; stats: Input } {
  const { o, lse } = attentionForward(values(at.q), values(at.k), values(at.v), at.start, at.size);
  const stats = blank([at.tokens, at.size.heads, 2]);
  lse.forEach((value, i) => stats.data[2 * i] = value);
  return { o: f32(at.q.shape, o), stats };
}

await forEachBackend(({ test }) => {
  test("attentionForward() matches the f64 reference, packed and grouped", async (backend) => {
    for (const size of SIZES) {
      const at = inputsOf(size), { q, k, v, name } = at;
      const actual = await runKernel(backend, "attention_forward", {
        q,
        k,
        v,
        start: at.starts,
        o: blank(q.shape),
        stats: blank([at.tokens, at.size.heads, 2]),
      }, at.params);
      const expected = attentionForward(values(q), values(k), values(v), at.start, at.size);
      assertAllclose(actual.o, expected.o, { name: `o ${name}`, shape: q.shape });
      const lse = Float32Array.from(expected.lse, (_, i) => actual.stats[2 * i]!);
      const shape = [at.tokens, at.size.heads];
      assertAllclose(lse, expected.lse, { name: `log-sum-exp ${name}`, shape });
    }
  });

  test("attentionForward() survives scores far beyond exp's range", async (backend) => {
    const at = inputsOf([2, 1, 16, [9, 40]]);
    const q = f32(at.q.shape, normals(5, at.q.data.length, 60));
    const k = f32(at.k.shape, normals(6, at.k.data.length, 60));
    const actual = await runKernel(backend, "attention_forward", {
      q,
      k,
      v: at.v,
      start: at.starts,
      o: blank(q.shape),
      stats: blank([at.tokens, 2, 2]),
    }, at.params);
    const expected = attentionForward(values(q), values(k), values(at.v), at.start, at.size);
    // Scores are of order 10⁴, so f32 knows them, and with them the probabilities, to about 10⁻³.
    assertAllclose(actual.o, expected.o, { name: "o", shape: q.shape }, { atol: 2e-2, rtol: 1e-2 });
  });

  test("attentionForward() of one packed sequence is that of the sequence alone", async (backend) => {
    const packed = inputsOf([4, 2, 12, [5, 6]]), width = 4 * 12, kvWidth = 2 * 12;
    const run = async (from: number, to: number, start: Input) => {
      const part = (x: Input, w: number) => f32([to - from, w], x.data.slice(from * w, to * w));
      const q = part(packed.q, width);
      return (await runKernel(backend, "attention_forward", {
        q,
        k: part(packed.k, kvWidth),
        v: part(packed.v, kvWidth),
        start,
        o: blank(q.shape),
        stats: blank([to - from, 4, 2]),
      }, { ...packed.params, tokens: to - from })).o;
    };
    const together = await run(0, 11, packed.starts);
    const alone = await run(5, 11, u32([6], [0, 0, 0, 0, 0, 0]));
    assertAllclose(together.slice(5 * width), alone, { name: "o", shape: [6, width] });
  });

  test("attentionBackward() matches the f64 reference, packed and grouped", async (backend) => {
    for (const size of SIZES) {
      const at = inputsOf(size), { q, k, v, dO, name } = at;
      const actual = await runKernel(backend, "attention_backward", {
        q,
        k,
        v,
        ...forwardState(at),
        start: at.starts,
        end: at.ends,
        dO,
        dQ: blank(q.shape),
        dK: blank(k.shape),
        dV: blank(v.shape),
      }, at.params);
      const expected = attentionBackward(
        values(q),
        values(k),
        values(v),
        values(dO),
        at.start,
        at.size,
      );
      const tolerance = { atol: 1e-4, rtol: 1e-4 };
      assertAllclose(actual.dQ, expected.dQ, { name: `dQ ${name}`, shape: q.shape }, tolerance);
      assertAllclose(actual.dK, expected.dK, { name: `dK ${name}`, shape: k.shape }, tolerance);
      assertAllclose(actual.dV, expected.dV, { name: `dV ${name}`, shape: v.shape }, tolerance);
      const delta = Float32Array.from(expected.delta, (_, i) => actual.stats[2 * i + 1]!);
      const shape = [at.tokens, at.size.heads];
      assertAllclose(delta, expected.delta, { name: `delta ${name}`, shape }, tolerance);
    }
  });

  test("attentionBackward() matches finite differences mid-graph", async (backend) => {
    const at = inputsOf([4, 2, 12, [3, 1, 2]]), { q, k, v, dO, size, start } = at;
    const actual = await runKernel(backend, "attention_backward", {
      q,
      k,
      v,
      ...forwardState(at),
      start: at.starts,
      end: at.ends,
      dO,
      dQ: blank(q.shape),
      dK: blank(k.shape),
      dV: blank(v.shape),
    }, at.params);
    const Q = values(q), K = values(k), V = values(v);
    const loss = (q: Float64Array, k: Float64Array, v: Float64Array) =>
      lossAfter(dO.data, attentionForward(q, k, v, start, size).o);
    const tolerance = { atol: 5e-5, rtol: 5e-5 };
    const byQ = numericGradient((q) => loss(q, K, V), Q);
    const byK = numericGradient((k) => loss(Q, k, V), K);
    const byV = numericGradient((v) => loss(Q, K, v), V);
    assertAllclose(actual.dQ, byQ, { name: "dQ", shape: q.shape }, tolerance);
    assertAllclose(actual.dK, byK, { name: "dK", shape: k.shape }, tolerance);
    assertAllclose(actual.dV, byV, { name: "dV", shape: v.shape }, tolerance);
  });
});
