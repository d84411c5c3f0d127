// f64 references of causal grouped-query attention over packed sequences, with the whole row of
// probabilities in memory. q, o [tokens, heads · headDim], k, v [tokens, kvHeads · headDim].

/** Sizes of an attention layer. */
export interface AttentionSize {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly scale: number;
}

/** `start` and `end` of each token for sequences of the given lengths, laid end to end. */
export function sequences(lengths: readonly number[]): { start: Uint32Array; end: Uint32Array } {
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const start = new Uint32Array(tokens), end = new Uint32Array(tokens);
  let at = 0;
  for (const length of lengths) {
    start.fill(at, at, at + length);
    end.fill(at + length, at, at + length);
    at += length;
  }
  return { start, end };
}

/** o, and lse [tokens, heads] = log Σ exp(scale · q·k). */
export function attentionForward(
  q: Float64Array,
  k: Float64Array,
  v: Float64Array,
  start: Uint32Array,
  size: AttentionSize,
): { o: Float64Array; lse: Float64Array } {
  const { heads, headDim: D } = size;
  const o = new Float64Array(q.length), lse = new Float64Array(start.length * heads);
  forEachRow(q, k, start, size, ({ n, h, first, kv, p, logSum }) => {
    lse[n * heads + h] = logSum;
    p.forEach((weight, j) => {
      for (let d = 0; d < D; d++) o[(n * heads + h) * D + d]! += weight * v[kv(first + j) + d]!;
    });
  });
  return { o, lse };
}

/** dQ, dK and dV by the softmax rule, and delta [tokens, heads] = Σ_d dO · o. */
export function attentionBackward(
  q: Float64Array,
  k: Float64Array,
  v: Float64Array,
  dO: Float64Array,
  start: Uint32Array,
  size: AttentionSize,
): { dQ: Float64Array; dK: Float64Array; dV: Float64Array; delta: Float64Array } {
  const { heads, headDim: D, scale } = size;
  const dQ = new Float64Array(q.length);
  const dK = new Float64Array(k.length), dV = new Float64Array(v.length);
  const delta = new Float64Array(start.length * heads);
  forEachRow(q, k, start, size, ({ n, h, first, kv, p }) => {
    const row = (n * heads + h) * D;
    const dP = p.map((_, j) => {
      let sum = 0;
      for (let d = 0; d < D; d++) sum += dO[row + d]! * v[kv(first + j) + d]!;
      return sum;
    });
    const mean = p.reduce((sum, weight, j) => sum + weight * dP[j]!, 0);
    delta[n * heads + h] = mean;
    p.forEach((weight, j) => {
      const dS = scale * weight * (dP[j]! - mean), at = kv(first + j);
      for (let d = 0; d < D; d++) {
        dV[at + d]! += weight * dO[row + d]!;
        dQ[row + d]! += dS * k[at + d]!;
        dK[at + d]! += dS * q[row + d]!;
      }
    });
  });
  return { dQ, dK, dV, delta };
}

/** One query: token n, head h, the probabilities p over tokens first … n, and where a key's row starts. */
interface Row {
  readonly n: number;
  readonly h: number;
  readonly first: number;
  readonly p: Float64Array;
  readonly logSum: number;
  readonly kv: (token: number) => number;
}

function forEachRow(
  q: Float64Array,
  k: Float64Array,
  start: Uint32Array,
  { heads, kvHeads, headDim: D, scale }: AttentionSize,
  visit: (row: Row) => void,
): void {
  start.forEach((first, n) => {
    for (let h = 0; h < heads; h++) {
      const group = Math.floor(h * kvHeads / heads);
      const kv = (token: number) => (token * kvHeads + group) * D;
      const scores = Float64Array.from({ length: n - first + 1 }, (_, j) => {
        let sum = 0;
        for (let d = 0; d < D; d++) sum += q[(n * heads + h) * D + d]! * k[kv(first + j) + d]!;
        return scale * sum;
      });
      const max = scores.reduce((a, b) => Math.max(a, b));
      const logSum = max + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - max), 0));
      visit({ n, h, first, kv, logSum, p: scores.map((s) => Math.exp(s - logSum)) });
    }
  });
}
