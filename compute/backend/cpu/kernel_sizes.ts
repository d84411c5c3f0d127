// How many elements each tensor of a kernel has, by the kernel's numbers.

import {
  HYPER_LENGTH,
  type KernelName,
  type KernelParams,
  KERNELS,
  MAX_STOPS,
  NF4_BLOCK,
  NF4_GROUP,
  NF4_LEVELS,
  NF4_SCALE_LEVELS,
  RING_WIDTH,
  SAMPLE_OPTIONS,
  SAMPLED_WIDTH,
  TERMS_WIDTH,
} from "../kernels.ts";

type Sizes<K extends KernelName> = (
  params: KernelParams<K>,
) => Readonly<Record<keyof typeof KERNELS[K]["tensors"], number>>;

const SIZES: { readonly [K in KernelName]: Sizes<K> } = {
  fill: ({ n }) => ({ y: n }),
  scale: ({ n }) => ({ x: n, y: n }),
  add: ({ n }) => ({ a: n, b: n, y: n }),
  embedding_forward: ({ rows, cols, vocab }) => ({
    ids: rows,
    table: vocab * cols,
    y: rows * cols,
  }),
  embedding_backward: ({ rows, cols, vocab }) => ({
    ids: rows,
    dY: rows * cols,
    dTable: vocab * cols,
  }),
  rmsnorm_forward: ({ rows, cols }) => ({ x: rows * cols, w: cols, y: rows * cols, rstd: rows }),
  rmsnorm_backward: ({ rows, cols }) => ({
    x: rows * cols,
    w: cols,
    rstd: rows,
    dY: rows * cols,
    dX: rows * cols,
  }),
  rmsnorm_backward_weight: ({ rows, cols }) => ({
    x: rows * cols,
    rstd: rows,
    dY: rows * cols,
    dW: cols,
  }),
  // The table covers the longest sequence, which the numbers do not say: one row at least.
  rope: ({ tokens, heads, head_dim }) => ({
    x: tokens * heads * head_dim,
    start: tokens,
    table: head_dim,
  }),
  gemm_nt: ({ m, n, k }) => ({ x: m * k, w: n * k, y: m * n }),
  gemm_nn: ({ m, n, k }) => ({ x: m * k, w: k * n, y: m * n }),
  gemm_tn: ({ m, n, k }) => ({ a: k * m, b: k * n, y: m * n }),
  lora_forward: ({ m, n, k, r }) => ({ x: m * k, w: n * k, xa: m * r, b: n * r, y: m * n }),
  lora_backward: ({ m, n, k, r }) => ({ dY: m * k, w: k * n, dXa: m * r, a: r * n, dX: m * n }),
  dequantize_nf4: ({ elements, matrices }) => {
    const blocks = Math.ceil(elements / NF4_BLOCK);
    return {
      codes: matrices * Math.ceil(elements / 8),
      scales: matrices * Math.ceil(blocks / 4),
      ranges: matrices * (1 + Math.ceil(blocks / NF4_GROUP)),
      levels: NF4_LEVELS + NF4_SCALE_LEVELS,
      y: matrices * elements,
    };
  },
  route: ({ rows, cols, k }) => ({ logits: rows * cols, experts: rows * k, scale: rows * k }),
  route_backward: ({ rows, cols, k }) => ({
    logits: rows * cols,
    experts: rows * k,
    scale: rows * k,
    dScale: rows * k,
    dLogits: rows * cols,
  }),
  group_rows: ({ slots, groups }) => ({
    experts: slots,
    order: slots,
    place: slots,
    offsets: groups + 1,
  }),
  gather_rows: ({ rows, cols, k }) => ({
    x: Math.ceil(rows / k) * cols,
    order: rows,
    y: rows * cols,
  }),
  gather_choice: ({ rows, k }) => ({ choice: Math.ceil(rows / k), order: rows, own: rows }),
  scatter_rows: ({ rows, cols, k }) => ({ x: rows * k * cols, place: rows * k, y: rows * cols }),
  scale_rows: ({ rows, cols }) => ({ x: rows * cols, scale: rows, order: rows, y: rows * cols }),
  scale_rows_backward: ({ rows, cols }) => ({
    x: rows * cols,
    scale: rows,
    order: rows,
    dY: rows * cols,
    dX: rows * cols,
    dScale: rows,
  }),
  grouped_gemm_nt: ({ rows, n, k, groups }) => ({
    x: rows * k,
    w: groups * n * k,
    offsets: groups + 1,
    y: rows * n,
  }),
  grouped_gemm_nn: ({ rows, n, k, groups }) => ({
    x: rows * k,
    w: groups * k * n,
    offsets: groups + 1,
    y: rows * n,
  }),
  grouped_gemm_tn: ({ rows, m, n, groups }) => ({
    a: rows * m,
    b: rows * n,
    offsets: groups + 1,
    y: groups * m * n,
  }),
  grouped_lora_forward: ({ rows, n, k, r, groups }) => ({
    x: rows * k,
    w: groups * n * k,
    xa: rows * r,
    b: groups * n * r,
    offsets: groups + 1,
    y: rows * n,
  }),
  grouped_lora_backward: ({ rows, n, k, r, groups }) => ({
    dY: rows * k,
    w: groups * k * n,
    dXa: rows * r,
    a: groups * r * n,
    offsets: groups + 1,
    dX: rows * n,
  }),
  swiglu_forward: ({ n }) => ({ gate: n, up: n, y: n }),
  swiglu_backward: ({ n }) => ({ gate: n, up: n, dY: n, dGate: n, dUp: n }),
  attention_forward: ({ tokens, heads, kv_heads, head_dim }) => ({
    q: tokens * heads * head_dim,
    k: tokens * kv_heads * head_dim,
    v: tokens * kv_heads * head_dim,
    start: tokens,
    o: tokens * heads * head_dim,
    stats: tokens * heads * 2,
  }),
  attention_backward: ({ tokens, heads, kv_heads, head_dim }) => ({
    q: tokens * heads * head_dim,
    k: tokens * kv_heads * head_dim,
    v: tokens * kv_heads * head_dim,
    o: tokens * heads * head_dim,
    start: tokens,
    end: tokens,
    dO: tokens * heads * head_dim,
    stats: tokens * heads * 2,
    dQ: tokens * heads * head_dim,
    dK: tokens * kv_heads * head_dim,
    dV: tokens * kv_heads * head_dim,
  }),
  // How many rows of x and y are named, the numbers do not say: one at least.
  copy_rows: ({ rows, cols }) => ({
    x: Math.min(rows, 1) * cols,
    from: rows,
    to: rows,
    y: Math.min(rows, 1) * cols,
  }),
  attention_cached: ({ rows, cells, heads, kv_heads, head_dim }) => ({
    q: rows * heads * head_dim,
    k: cells * kv_heads * head_dim,
    v: cells * kv_heads * head_dim,
    prefix: rows,
    prefix_end: rows,
    first: rows,
    last: rows,
    o: rows * heads * head_dim,
  }),
  select_columns: ({ rows, cols }) => ({
    x: rows * cols,
    choice: rows,
    owner: cols,
    scale: cols,
  }),
  sample: ({ rows, cols }) => ({
    logits: rows * cols,
    options: rows * SAMPLE_OPTIONS,
    uniform: rows,
    tick: rows,
    drawn: rows * 2,
  }),
  advance: ({ rows, stride }) => ({
    drawn: rows * 2,
    stops: rows * MAX_STOPS,
    tick: rows,
    left: rows,
    ids: rows,
    start: rows,
    last: rows,
    ring: stride * 2,
  }),
  cross_entropy: ({ rows, cols }) => ({
    logits: rows * cols,
    targets: rows,
    weight: rows,
    nll: rows,
  }),
  entropy: ({ rows, cols }) => ({ logits: rows * cols, entropy: rows }),
  grpo_loss: ({ tokens }) => ({
    nll: tokens,
    ref_nll: tokens,
    entropy: tokens,
    sampled: tokens * SAMPLED_WIDTH,
    start: tokens,
    end: tokens,
    weight: tokens,
    terms: tokens * TERMS_WIDTH,
  }),
  dot: ({ n }) => ({ a: n, b: n, out: 1 }),
  sum_squares: ({ n }) => ({ x: n, out: 1 }),
  adamw: ({ n }) => ({ p: n, g: n, m: n, v: n, hyper: HYPER_LENGTH, sumsq: 1 }),
  record_metrics: () => ({ loss: 1, sumsq: 1, slot: 1, ring: RING_WIDTH }),
};

/** Elements of each tensor of a call, by name. */
export function kernelSizes<K extends KernelName>(
  kernel: K,
  params: KernelParams<K>,
): Readonly<Record<string, number>> {
  return SIZES[kernel](params);
}
