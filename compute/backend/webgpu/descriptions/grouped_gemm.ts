// Matrix products of groups of rows, each group with a matrix of its own (experts of a mixture). How
// many rows a group has is known to the device alone: the grid has room for the worst case, and
// workgroups without rows leave.

import { byteLength, type Tensor, view } from "../../backend.ts";
import type { KernelName } from "../../kernels.ts";
import type { Describe } from "./describe.ts";
import { product } from "./product.ts";
import { checkPacked, checkSizes } from "./sizes.ts";

/** Offsets of bindings are multiples of this on every device. */
const BINDING_ALIGNMENT = 256;

/** Groups `first` … `first + count` of a stack of matrices. */
interface GroupBlock {
  readonly tensor: Tensor;
  readonly first: number;
  readonly count: number;
}

/**
 * Cuts a stack into as few blocks of whole matrices as a binding's limit allows.
 *
 * @throws {RangeError} if not even one block fits.
 */
function groupBlocks(
  kernel: KernelName,
  stack: Tensor,
  groups: number,
  elements: number,
  { maxStorageBufferBindingSize: limit }: { readonly maxStorageBufferBindingSize: number },
): GroupBlock[] {
  if (stack.dtype === "nf4" || byteLength([groups, elements], stack.dtype) <= limit) {
    return [{ tensor: stack, first: 0, count: groups }];
  }
  const bytes = elements * (stack.dtype === "bf16" ? 2 : 4);
  let unit = 1;
  while (unit * bytes % BINDING_ALIGNMENT !== 0) unit *= 2;
  const height = Math.floor(limit / (unit * bytes)) * unit;
  if (height === 0) {
    throw new RangeError(
      `Cannot run ${kernel}: ${unit} matrices of "${stack.label}" take ${unit * bytes} bytes, ` +
        `the device binds ${limit} (maxStorageBufferBindingSize)`,
    );
  }
  const blocks: GroupBlock[] = [];
  for (let first = 0; first < groups; first += height) {
    const count = Math.min(height, groups - first);
    blocks.push({ tensor: view(stack, first * elements, [count, elements]), first, count });
  }
  return blocks;
}

/** Stacks of weights and of adapters; in WGSL, what one matrix of them has. */
const STACKED = { stacked: true, elements: "params.n * params.k" } as const;
const ADAPTERS = { stacked: true, elements: "params.n * params.r" } as const;

/** Rows of each group times a matrix of its own, whose rows lie along the inner dimension or across it. */
function rowsByMatrix(
  kernel: "grouped_gemm_nt" | "grouped_gemm_nn",
): Describe<"grouped_gemm_nt"> & Describe<"grouped_gemm_nn"> {
  return ({ x, w, offsets, y }, { rows, n, k, groups, alpha, accumulate }, context) => {
    const layout = kernel === "grouped_gemm_nt" ? "inner" : "outer";
    const length = layout === "inner" ? k : n;
    checkSizes(kernel, [
      ["x", x, rows * k],
      ["w", w, groups * n * k],
      ["offsets", offsets, groups + 1],
      ["y", y, rows * n],
    ]);
    checkPacked(kernel, "w", w, length);
    return groupBlocks(kernel, w, groups, n * k, context.limits).map(({ tensor, first, count }) =>
      product({
        kernel,
        m: rows,
        n,
        k,
        left: { name: "x", tensor: x, layout: "inner", lengths: [k] },
        right: { ...STACKED, name: "w", tensor, layout, lengths: [length] },
        y,
        alpha,
        accumulate,
        groups: { along: "rows", offsets, first, count, total: groups },
      }, context)
    );
  };
}

/** Describes `grouped_gemm_nt`. */
export const groupedGemmNt: Describe<"grouped_gemm_nt"> = rowsByMatrix("grouped_gemm_nt");

/** Describes `grouped_gemm_nn`. */
export const groupedGemmNn: Describe<"grouped_gemm_nn"> = rowsByMatrix("grouped_gemm_nn");

/** Describes `grouped_lora_forward`. */
export const groupedLoraForward: Describe<"grouped_lora_forward"> = (
  { x, w, xa, b, offsets, y },
  { rows, n, k, r, groups },
  context,
) => {
  const kernel = "grouped_lora_forward";
  checkSizes(kernel, [
    ["x", x, rows * k],
    ["w", w, groups * n * k],
    ["xa", xa, rows * r],
    ["b", b, groups * n * r],
    ["offsets", offsets, groups + 1],
    ["y", y, rows * n],
  ]);
  checkPacked(kernel, "w", w, k);
  return groupBlocks(kernel, w, groups, n * k, context.limits).map(({ tensor, first, count }) =>
    product({
      kernel,
      m: rows,
      n,
      k,
      r,
      left: { name: "x", tensor: x, layout: "inner", lengths: [k] },
      right: { ...STACKED, name: "w", tensor, layout: "inner", lengths: [k] },
      adapter: {
        left: { name: "xa", tensor: xa, layout: "inner", lengths: [r] },
        right: { ...ADAPTERS, name: "b", tensor: b, layout: "inner", lengths: [r] },
      },
      y,
      groups: { along: "rows", offsets, first, count, total: groups },
    }, context)
  );
};

/** Describes `grouped_lora_backward`. */
export const groupedLoraBackward: Describe<"grouped_lora_backward"> = (
  { dY, w, dXa, a, offsets, dX },
  { rows, n, k, r, groups, accumulate },
  context,
) => {
  const kernel = "grouped_lora_backward";
  checkSizes(kernel, [
    ["dY", dY, rows * k],
    ["w", w, groups * n * k],
    ["dXa", dXa, rows * r],
    ["a", a, groups * r * n],
    ["offsets", offsets, groups + 1],
    ["dX", dX, rows * n],
  ]);
  checkPacked(kernel, "w", w, n);
  return groupBlocks(kernel, w, groups, n * k, context.limits).map(({ tensor, first, count }) =>
    product({
      kernel,
      m: rows,
      n,
      k,
      r,
      left: { name: "dY", tensor: dY, layout: "inner", lengths: [k] },
      right: { ...STACKED, name: "w", tensor, layout: "outer", lengths: [n] },
      adapter: {
        left: { name: "dXa", tensor: dXa, layout: "inner", lengths: [r] },
        right: { ...ADAPTERS, name: "a", tensor: a, layout: "outer", lengths: [n] },
      },
      y: dX,
      accumulate,
      groups: { along: "rows", offsets, first, count, total: groups },
    }, context)
  );
};

/** Describes `grouped_gemm_tn`. */
export const groupedGemmTn: Describe<"grouped_gemm_tn"> = (
  { a, b, offsets, y },
  { rows, m, n, groups, alpha },
  context,
) => {
  checkSizes("grouped_gemm_tn", [
    ["a", a, rows * m],
    ["b", b, rows * n],
    ["offsets", offsets, groups + 1],
    ["y", y, groups * m * n],
  ]);
  return [product({
    kernel: "grouped_gemm_tn",
    m,
    n,
    k: rows,
    left: { name: "a", tensor: a, layout: "outer", lengths: [m] },
    right: { name: "b", tensor: b, layout: "outer", lengths: [n] },
    y,
    alpha,
    accumulate: 1,
    groups: { along: "inner", offsets, first: 0, count: groups, total: groups },
  }, context)];
};
