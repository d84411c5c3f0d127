// What a kernel call costs at least: operations by its formula, and bytes by its tensors, each moved once. Both
// follow from the kernel table and the call's numbers; time over them is measured by a profile.

import type { KernelCall } from "./backend.ts";
import { kernelSizes } from "./cpu/kernel_sizes.ts";
import { type KernelName, type KernelParams, KERNELS, type KernelSpec } from "./kernels.ts";

/** Operations and bytes of a call. */
export interface KernelCost {
  /** Additions, multiplications, divisions, comparisons of f32 and exponentials, one each. */
  readonly flops: number;
  readonly bytes: number;
}

/** What the numbers of a call do not say. */
export interface CostContext {
  /** Keys that a query of attention sees, on average. */
  readonly keys: number;
}

type Operations<K extends KernelName> = (
  params: KernelParams<K>,
  context: CostContext,
) => number;

/** Of a query and a key: scores and mixing are 2 products of D values each way, the rest is the softmax. */
const attention = (pairs: number, dim: number, products: number, softmax: number) =>
  pairs * (2 * products * dim + softmax);

const OPERATIONS: { readonly [K in KernelName]: Operations<K> } = {
  fill: () => 0,
  scale: ({ n, accumulate }) => (1 + accumulate) * n,
  add: ({ n }) => n,
  embedding_forward: () => 0,
  embedding_backward: ({ rows, cols }) => rows * cols,
  rmsnorm_forward: ({ rows, cols }) => 4 * rows * cols,
  rmsnorm_backward: ({ rows, cols, accumulate }) => (7 + accumulate) * rows * cols,
  rmsnorm_backward_weight: ({ rows, cols }) => 3 * rows * cols,
  rope: ({ tokens, heads, head_dim }) => 3 * tokens * heads * head_dim,
  gemm_nt: ({ m, n, k }) => 2 * m * n * k,
  gemm_nn: ({ m, n, k }) => 2 * m * n * k,
  gemm_tn: ({ m, n, k }) => 2 * m * n * k,
  lora_forward: ({ m, n, k, r }) => 2 * m * n * (k + r),
  lora_backward: ({ m, n, k, r }) => 2 * m * n * (k + r),
  dequantize_nf4: ({ elements, matrices }) => elements * matrices,
  route: ({ rows, cols }) => 4 * rows * cols,
  route_backward: ({ rows, cols }) => 4 * rows * cols,
  group_rows: () => 0,
  gather_choice: () => 0,
  gather_rows: () => 0,
  scatter_rows: ({ rows, cols, k }) => rows * cols * k,
  scale_rows: ({ rows, cols }) => rows * cols,
  scale_rows_backward: ({ rows, cols }) => 3 * rows * cols,
  grouped_gemm_nt: ({ rows, n, k }) => 2 * rows * n * k,
  grouped_gemm_nn: ({ rows, n, k }) => 2 * rows * n * k,
  grouped_gemm_tn: ({ rows, m, n }) => 2 * rows * m * n,
  grouped_lora_forward: ({ rows, n, k, r }) => 2 * rows * n * (k + r),
  grouped_lora_backward: ({ rows, n, k, r }) => 2 * rows * n * (k + r),
  swiglu_forward: ({ n }) => 5 * n,
  swiglu_backward: ({ n }) => 11 * n,
  attention_forward: ({ tokens, heads, head_dim }, { keys }) =>
    attention(tokens * heads * keys, head_dim, 2, 5),
  attention_backward: ({ tokens, heads, head_dim }, { keys }) =>
    attention(tokens * heads * keys, head_dim, 5, 6) + 2 * tokens * heads * head_dim,
  find_cells: () => 0,
  copy_rows: () => 0,
  attention_cached: ({ rows, heads, head_dim }, { keys }) =>
    attention(rows * heads * keys, head_dim, 2, 5),
  select_columns: ({ rows, cols }) => rows * cols,
  sample: ({ rows, cols }) => 5 * rows * cols,
  advance: () => 0,
  cross_entropy: ({ rows, cols, backward }) => (4 + backward) * rows * cols,
  cross_entropy_fold: ({ rows, cols }) => 6 * rows * cols,
  cross_entropy_gradient: ({ rows, cols }) => 3 * rows * cols,
  entropy: ({ rows, cols }) => 6 * rows * cols,
  grpo_loss: ({ tokens }) => 20 * tokens,
  dot: ({ n }) => 2 * n,
  sum_squares: ({ n }) => 2 * n,
  adamw: ({ n }) => 14 * n,
  record_metrics: () => 1,
};

/** Elements that a call touches of tensors of which it does not touch all, or whose size its numbers do not say. */
const TOUCHED: {
  readonly [K in KernelName]?: (
    params: KernelParams<K>,
    context: CostContext,
  ) => Partial<Record<keyof typeof KERNELS[K]["tensors"], number>>;
} = {
  embedding_forward: ({ rows, cols }) => ({ table: rows * cols }),
  embedding_backward: ({ rows, cols }) => ({ dTable: rows * cols }),
  rope: ({ tokens, head_dim }, { keys }) => ({ table: Math.min(tokens, 2 * keys - 1) * head_dim }),
  copy_rows: ({ rows, cols }) => ({ x: rows * cols, y: rows * cols }),
};

/** An `inout` tensor is written and not read where the call only overwrites it. */
function passes(access: "in" | "out" | "inout", params: Readonly<Record<string, number>>): number {
  if (access !== "inout") return 1;
  return params.accumulate === 0 || params.backward === 0 ? 1 : 2;
}

/** What a call costs. */
export function kernelCost(call: KernelCall, context: CostContext): KernelCost {
  const { kernel, params, packed } = call;
  // The names agree: a call was checked against the table when it was recorded.
  const numbers = params as KernelParams<KernelName>;
  const operations = OPERATIONS[kernel] as Operations<KernelName>;
  const touched = TOUCHED[kernel] as typeof TOUCHED["rope"];
  const sizes: Readonly<Record<string, number>> = {
    ...kernelSizes(kernel, numbers),
    ...touched?.(params as KernelParams<"rope">, context),
  };
  const spec: KernelSpec = KERNELS[kernel];
  const bytes = Object.entries(spec.tensors).reduce((sum, [name, access]) => {
    const each = packed.includes(name) ? 2 : 4;
    return sum + sizes[name]! * each * passes(access, params);
  }, 0);
  return { flops: operations(numbers, context), bytes };
}
