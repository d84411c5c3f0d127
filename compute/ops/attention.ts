// Causal grouped-query attention inside each sequence, tiled with an online softmax (Dao 2022).
// q, o [N, H·D], k, v [N, K·D]. Sequences are given by their bounds, so packed ones do not see each other.

import type { Backend, Tensor } from "../backend/backend.ts";

/** Where sequences begin and end, u32[N] each. */
export interface SequenceBounds {
  readonly start: Tensor;
  readonly end: Tensor;
}

/** Heads and their size. */
export interface HeadShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

function params(q: Tensor, shape: HeadShape) {
  return {
    tokens: q.shape[0]!,
    heads: shape.heads,
    kv_heads: shape.kvHeads,
    head_dim: shape.headDim,
    scale: 1 / Math.sqrt(shape.headDim),
  };
}

/** o and stats [N, H, 2], which the backward pass needs. */
export function attentionForward(
  backend: Backend,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  bounds: SequenceBounds,
  shape: HeadShape,
): { o: Tensor; stats: Tensor } {
  const o = backend.empty(q.shape, "f32", "attention.out");
  const stats = backend.empty([q.shape[0]!, shape.heads, 2], "f32", "attention.stats");
  backend.run("attention_forward", { q, k, v, start: bounds.start, o, stats }, params(q, shape));
  return { o, stats };
}

/**
 * Keys and values of a layer, [cells, K·D] each, and for each query row its pages, u32[rows, width], the length of
 * its prompt, and its last token, u32[rows] each.
 */
export interface CachedKeys {
  readonly k: Tensor;
  readonly v: Tensor;
  readonly pages: Tensor;
  readonly prompt: Tensor;
  readonly last: Tensor;
}

/** o [rows, H·D] for q [rows, H·D], one token a row. */
export function attentionCached(
  backend: Backend,
  q: Tensor,
  keys: CachedKeys,
  shape: HeadShape,
): Tensor {
  const o = backend.empty(q.shape, "f32", "attention.out");
  const { tokens: rows, ...numbers } = params(q, shape);
  const [cells, width] = [keys.k.shape[0]!, keys.pages.shape[1]!];
  backend.run("attention_cached", { q, ...keys, o }, { rows, cells, width, ...numbers });
  return o;
}

/** Fills dQ, dK and dV. */
export function attentionBackward(
  backend: Backend,
  forward: { q: Tensor; k: Tensor; v: Tensor; o: Tensor; stats: Tensor },
  bounds: SequenceBounds,
  shape: HeadShape,
  dO: Tensor,
  gradients: { dQ: Tensor; dK: Tensor; dV: Tensor },
): void {
  const { start, end } = bounds;
  backend.run(
    "attention_backward",
    { ...forward, start, end, dO, ...gradients },
    params(forward.q, shape),
  );
}
