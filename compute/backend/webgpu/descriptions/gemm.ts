// Matrix products, plain and with a LoRA adapter.

import slicesSource from "../../../../shaders/gemm_slices.wgsl" with { type: "text" };
import { view } from "../../backend.ts";
import type { Describe } from "./describe.ts";
import { foldedGrid } from "../dispatch.ts";
import { product } from "./product.ts";
import { rowBlocks } from "./row_blocks.ts";
import { checkPacked, checkSizes } from "./sizes.ts";

/** WGSL: elements of the weight of a product. */
const WEIGHT = "params.n * params.k";

/** Describes `gemm_nt`. */
export const gemmNt: Describe<"gemm_nt"> = ({ x, w, y }, params, context) => {
  const { m, n, k, alpha, accumulate } = params;
  checkSizes("gemm_nt", [["x", x, m * k], ["w", w, n * k], ["y", y, m * n]]);
  checkPacked("gemm_nt", "w", w, k);
  return rowBlocks("gemm_nt", w, n, k, context.limits).map(({ tensor, first, rows }) =>
    product({
      kernel: "gemm_nt",
      m,
      n: rows,
      k,
      left: { name: "x", tensor: x, layout: "inner", lengths: [k] },
      right: { name: "w", tensor, layout: "inner", lengths: [k], elements: WEIGHT },
      y,
      alpha,
      accumulate,
      ldy: n,
      y0: first,
    }, context)
  );
};

/** Describes `gemm_nn`. */
export const gemmNn: Describe<"gemm_nn"> = ({ x, w, y }, params, context) => {
  const { m, n, k, alpha, accumulate } = params;
  checkSizes("gemm_nn", [["x", x, m * k], ["w", w, n * k], ["y", y, m * n]]);
  checkPacked("gemm_nn", "w", w, n);
  return rowBlocks("gemm_nn", w, k, n, context.limits).map(({ tensor, first, rows }) =>
    product({
      kernel: "gemm_nn",
      m,
      n,
      k: rows,
      left: { name: "x", tensor: x, layout: "inner", lengths: [k, rows, first] },
      right: { name: "w", tensor, layout: "outer", lengths: [n], elements: WEIGHT },
      y,
      alpha,
      accumulate: first === 0 ? accumulate : 1,
      ldx: k,
      x0: first,
    }, context)
  );
};

/** Describes `lora_forward`. */
export const loraForward: Describe<"lora_forward"> = ({ x, w, xa, b, y }, params, context) => {
  const { m, n, k, r } = params;
  checkSizes("lora_forward", [
    ["x", x, m * k],
    ["w", w, n * k],
    ["xa", xa, m * r],
    ["b", b, n * r],
    ["y", y, m * n],
  ]);
  checkPacked("lora_forward", "w", w, k);
  return rowBlocks("lora_forward", w, n, k, context.limits).map(({ tensor, first, rows }) => {
    const own = view(b, first * r, [rows, r]);
    return product({
      kernel: "lora_forward",
      m,
      n: rows,
      k,
      r,
      left: { name: "x", tensor: x, layout: "inner", lengths: [k] },
      right: { name: "w", tensor, layout: "inner", lengths: [k], elements: WEIGHT },
      adapter: {
        left: { name: "xa", tensor: xa, layout: "inner", lengths: [r] },
        right: { name: "b", tensor: own, layout: "inner", lengths: [r] },
      },
      y,
      ldy: n,
      y0: first,
    }, context);
  });
};

/** Describes `lora_backward`. */
export const loraBackward: Describe<"lora_backward"> = (tensors, params, context) => {
  const { dY, w, dXa, a, dX } = tensors;
  const { m, n, k, r, accumulate } = params;
  checkSizes("lora_backward", [
    ["dY", dY, m * k],
    ["w", w, n * k],
    ["dXa", dXa, m * r],
    ["a", a, r * n],
    ["dX", dX, m * n],
  ]);
  checkPacked("lora_backward", "w", w, n);
  return rowBlocks("lora_backward", w, k, n, context.limits).map(({ tensor, first, rows }) =>
    product({
      kernel: "lora_backward",
      m,
      n,
      k: rows,
      r,
      left: { name: "dY", tensor: dY, layout: "inner", lengths: [k, rows, first] },
      right: { name: "w", tensor, layout: "outer", lengths: [n], elements: WEIGHT },
      // The adapter's share goes in once, with the first block.
      ...(first === 0
        ? {
          adapter: {
            left: { name: "dXa", tensor: dXa, layout: "inner", lengths: [r] },
            right: { name: "a", tensor: a, layout: "outer", lengths: [n] },
          },
        }
        : {}),
      y: dX,
      accumulate: first === 0 ? accumulate : 1,
      ldx: k,
      x0: first,
    }, context)
  );
};

/** Edge of a tile of the result, and workgroups below which a product of few tiles is cut along its inner dimension. */
const TILE = 64, FULL_DEVICE = 128;
/** Shortest slice worth a second stage. */
const MIN_SLICE = 256;

/** Inner length of the slices of a product, from its shape alone: the order of the sums depends on it. */
function sliceLength(m: number, n: number, k: number): number {
  const tiles = Math.ceil(m / TILE) * Math.ceil(n / TILE);
  const wanted = Math.ceil(FULL_DEVICE / Math.max(tiles, 1));
  const slices = Math.max(1, Math.min(wanted, Math.floor(k / MIN_SLICE)));
  return slices === 1 ? k : Math.ceil(k / slices / 4) * 4;
}

/** Describes `gemm_tn`. */
export const gemmTn: Describe<"gemm_tn"> = ({ a, b, y }, params, context) => {
  const { m, n, k, alpha, accumulate } = params;
  checkSizes("gemm_tn", [["a", a, m * k], ["b", b, n * k], ["y", y, m * n]]);
  const slice = sliceLength(m, n, k);
  const slices = Math.ceil(k / Math.max(slice, 1));
  const cut = slices > 1;
  const target = cut ? context.scratch([slices, m, n], "f32", "slices") : y;
  const whole = product({
    kernel: "gemm_tn",
    m,
    n,
    k,
    left: { name: "a", tensor: a, layout: "outer", lengths: [m] },
    right: { name: "b", tensor: b, layout: "outer", lengths: [n] },
    y: target,
    alpha,
    accumulate: cut ? 0 : accumulate,
    slice,
  }, context);
  if (!cut) return [whole];
  const WG = 256;
  return [whole, {
    shader: { name: "gemm_slices", source: slicesSource },
    bindings: { partial: target, y },
    params: { n: m * n, slices, accumulate },
    constants: { WG },
    grid: foldedGrid(Math.ceil(m * n / WG)),
  }];
};
