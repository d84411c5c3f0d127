// Causal grouped-query attention and its gradients. The backward pass is three dispatches, so that none
// binds more than eight buffers, the least that every WebGPU device has.

import deltaSource from "../../../../shaders/attention_backward_delta.wgsl" with { type: "text" };
import keyRowsSource from "../../../../shaders/attention_backward_key_rows.wgsl" with {
  type: "text",
};
import queryRowsSource from "../../../../shaders/attention_backward_query_rows.wgsl" with {
  type: "text",
};
import forwardRowsSource from "../../../../shaders/attention_forward_rows.wgsl" with {
  type: "text",
};
import keySource from "../../../../shaders/attention_backward_key.wgsl" with { type: "text" };
import querySource from "../../../../shaders/attention_backward_query.wgsl" with { type: "text" };
import forwardSource from "../../../../shaders/attention_forward.wgsl" with { type: "text" };
import type { KernelName } from "../../kernels.ts";
import {
  type AttentionText,
  backwardKeyWgsl,
  backwardQueryWgsl,
  forwardWgsl,
} from "./attention_wgsl.ts";
import type { Describe } from "./describe.ts";
import { type DescribeContext, type Dispatch, foldedGrid } from "../dispatch.ts";
import { checkSizes } from "./sizes.ts";

/** Workgroups of wx × wy invocations with t × t scores each, the largest tile first. */
const TILES = [
  { wx: 8, wy: 8, t: 4 },
  { wx: 8, wy: 8, t: 2 },
  { wx: 8, wy: 8, t: 1 },
  { wx: 4, wy: 4, t: 1 },
  { wx: 2, wy: 2, t: 1 },
];

/** Largest head size: more would not leave room for a tile in 16 KiB, the least that every device has. */
const MAX_HEAD_DIM = 256;

/** How a kernel of attention is cut up. */
interface Tiling {
  readonly edge: number;
  readonly prelude: string;
  readonly constants: Readonly<Record<string, number>>;
}

/** The largest tile whose vectors (`rows` of them an edge) and `squares` of scores fit workgroup memory. */
function tiling(
  headDim: number,
  rows: number,
  squares: number,
  { limits, software }: DescribeContext,
): Tiling {
  const vec = headDim % 4 === 0 ? 4 : 2;
  const DV = headDim / vec;
  // A vec2f takes 8 bytes, a vec4f 16.
  const bytes = (edge: number) => 4 * (rows * edge * (DV + 1) * vec + squares * edge * edge);
  const tile = TILES.find(({ wx, t }) =>
    // A driver on the processor unrolls t × t scores, and takes minutes for it.
    (t === 1 || !software) && bytes(wx * t) <= limits.maxComputeWorkgroupStorageSize
  );
  const { wx, wy, t } = tile ?? TILES.at(-1)!;
  const edge = wx * t;
  return {
    edge,
    prelude: `alias Vec = vec${vec}f;\nconst TQ = ${t}u;\nconst TK = ${t}u;\n` +
      `const DC = ${Math.ceil(DV / wx)}u;\n`,
    constants: {
      WX: wx,
      WY: wy,
      DV,
      Q_TILE: edge * (DV + 1),
      K_TILE: edge * (DV + 1),
      SCORES: edge * edge,
    },
  };
}

/** Vectors of a head up to which rows are written out, and up to which there are four of them. */
const MAX_VECTORS = 16, FEW_VECTORS = 8;

/**
 * On the processor, where a barrier is dear and workgroup memory no faster than any other, an invocation owns rows
 * of queries or keys, one vector of invocations to a workgroup; heads too long to be written out take tiles.
 */
function ownRows(headDim: number, { software }: DescribeContext): AttentionText | undefined {
  const vec = headDim % 4 === 0 ? 4 : 2;
  const dv = headDim / vec;
  if (!software || dv > MAX_VECTORS) return undefined;
  return { rows: dv <= FEW_VECTORS ? 4 : 2, dv, vec };
}

/** Invocations of a workgroup whose invocations own rows. */
const ROWS_WG = 8;

const rowsGrid = (tokens: number, rows: number, heads: number) =>
  [Math.ceil(tokens / (ROWS_WG * rows)), heads, 1] as const;

/**
 * Checks the numbers of an attention kernel.
 *
 * @throws {RangeError} if they cannot be.
 */
export function checkHeads(
  kernel: KernelName,
  heads: number,
  kvHeads: number,
  headDim: number,
): void {
  if (headDim % 2 !== 0 || headDim < 2 || headDim > MAX_HEAD_DIM) {
    throw new RangeError(
      `Cannot run ${kernel}: head_dim is ${headDim}, expected an even number from 2 to ${MAX_HEAD_DIM}`,
    );
  }
  if (kvHeads < 1 || kvHeads > heads) {
    throw new RangeError(
      `Cannot run ${kernel}: kv_heads is ${kvHeads}, expected 1 to heads (${heads})`,
    );
  }
}

/** Describes `attention_forward`. */
export const attentionForward: Describe<"attention_forward"> = (tensors, params, context) => {
  const { q, k, v, start, o, stats } = tensors;
  const { tokens, heads, kv_heads, head_dim, scale } = params;
  checkHeads("attention_forward", heads, kv_heads, head_dim);
  checkSizes("attention_forward", [
    ["q", q, tokens * heads * head_dim],
    ["k", k, tokens * kv_heads * head_dim],
    ["v", v, tokens * kv_heads * head_dim],
    ["start", start, tokens],
    ["o", o, tokens * heads * head_dim],
    ["stats", stats, tokens * heads * 2],
  ]);
  const text = ownRows(head_dim, context);
  if (text) {
    return [{
      shader: { name: "attention_forward_rows", source: forwardRowsSource },
      prelude: forwardWgsl(text),
      bindings: { q, k, v, start, o, stats },
      params: { tokens, heads, kv_heads, scale },
      constants: { WG: ROWS_WG },
      grid: rowsGrid(tokens, text.rows, heads),
    }];
  }
  const { edge, prelude, constants } = tiling(head_dim, 2, 2, context);
  return [{
    shader: { name: "attention_forward", source: forwardSource },
    prelude,
    bindings: { q, k, v, start, o, stats },
    params: { tokens, heads, kv_heads, scale, dv: constants.DV!, edge },
    constants,
    grid: [Math.ceil(tokens / edge), heads, 1],
  }];
};

/** Describes `attention_backward`. */
export const attentionBackward: Describe<"attention_backward"> = (
  tensors,
  params,
  context,
): Dispatch[] => {
  const { q, k, v, o, start, end, dO, stats, dQ, dK, dV } = tensors;
  const { tokens, heads, kv_heads, head_dim, scale } = params;
  checkHeads("attention_backward", heads, kv_heads, head_dim);
  const [own, shared] = [tokens * heads * head_dim, tokens * kv_heads * head_dim];
  checkSizes("attention_backward", [
    ["q", q, own],
    ["k", k, shared],
    ["v", v, shared],
    ["o", o, own],
    ["start", start, tokens],
    ["end", end, tokens],
    ["dO", dO, own],
    ["stats", stats, tokens * heads * 2],
    ["dQ", dQ, own],
    ["dK", dK, shared],
    ["dV", dV, shared],
  ]);
  const WG = 64;
  const vec = head_dim % 4 === 0 ? 4 : 2;
  const delta: Dispatch = {
    shader: { name: "attention_backward_delta", source: deltaSource },
    prelude: `alias Vec = vec${vec}f;`,
    bindings: { o, dO, stats },
    params: { rows: tokens * heads },
    constants: { WG, DV: head_dim / vec },
    grid: foldedGrid(Math.ceil(tokens * heads / WG)),
  };
  const text = ownRows(head_dim, context);
  if (text) {
    const shared = { params: { tokens, heads, kv_heads, scale }, constants: { WG: ROWS_WG } };
    return [delta, {
      ...shared,
      shader: { name: "attention_backward_query_rows", source: queryRowsSource },
      prelude: backwardQueryWgsl(text),
      bindings: { q, k, v, start, dO, stats, dQ },
      grid: rowsGrid(tokens, text.rows, heads),
    }, {
      ...shared,
      shader: { name: "attention_backward_key_rows", source: keyRowsSource },
      prelude: backwardKeyWgsl(text),
      bindings: { q, k, v, end, dO, stats, dK, dV },
      grid: rowsGrid(tokens, text.rows, kv_heads),
    }];
  }
  const query = tiling(head_dim, 4, 1, context);
  const key = tiling(head_dim, 4, 2, context);
  return [delta, {
    shader: { name: "attention_backward_query", source: querySource },
    prelude: query.prelude,
    bindings: { q, k, v, start, dO, stats, dQ },
    params: { tokens, heads, kv_heads, scale, dv: query.constants.DV!, edge: query.edge },
    constants: query.constants,
    grid: [Math.ceil(tokens / query.edge), heads, 1],
  }, {
    shader: { name: "attention_backward_key", source: keySource },
    prelude: key.prelude,
    bindings: { q, k, v, end, dO, stats, dK, dV },
    params: { tokens, heads, kv_heads, scale, dv: key.constants.DV!, edge: key.edge },
    constants: key.constants,
    grid: [Math.ceil(tokens / key.edge), kv_heads, 1],
  }];
};
