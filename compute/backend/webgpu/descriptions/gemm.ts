// Matrix products, plain and with a LoRA adapter.

import nnSource from "../../../../shaders/gemm_nn.wgsl" with { type: "text" };
import ntSource from "../../../../shaders/gemm_nt.wgsl" with { type: "text" };
import slicesSource from "../../../../shaders/gemm_slices.wgsl" with { type: "text" };
import tnSource from "../../../../shaders/gemm_tn.wgsl" with { type: "text" };
import loraBackwardSource from "../../../../shaders/lora_backward.wgsl" with { type: "text" };
import loraForwardSource from "../../../../shaders/lora_forward.wgsl" with { type: "text" };
import nnTile from "../../../../shaders/prelude/gemm_nn_tile.wgsl" with { type: "text" };
import ntTile from "../../../../shaders/prelude/gemm_nt_tile.wgsl" with { type: "text" };
import { view } from "../../backend.ts";
import type { Describe } from "./describe.ts";
import { foldedGrid } from "../dispatch.ts";
import { gemmGrid, gemmTile, nnConstants, ntConstants, tileConstants } from "./gemm_tiles.ts";
import { loaders } from "./loaders.ts";
import { rowBlocks } from "./row_blocks.ts";
import { checkPacked, checkSizes } from "./sizes.ts";

/** Describes `gemm_nt`. */
export const gemmNt: Describe<"gemm_nt"> = ({ x, w, y }, params, { limits, software }) => {
  const { m, n, k, alpha, accumulate } = params;
  checkSizes("gemm_nt", [["x", x, m * k], ["w", w, n * k], ["y", y, m * n]]);
  checkPacked("gemm_nt", "w", w, k);
  return rowBlocks("gemm_nt", w, n, k, limits).map((block) => {
    const tile = gemmTile(m, block.rows, software);
    return {
      shader: { name: "gemm_nt", source: ntSource },
      prelude: tileConstants(tile) + ntTile + loaders({
        x: { tensor: x, rowLengths: [k] },
        w: { tensor: w, rowLengths: [k] },
      }),
      bindings: { x, w: block.tensor, y },
      params: { m, n: block.rows, k, ldx: k, x0: 0, ldy: n, y0: block.first, alpha, accumulate },
      constants: ntConstants(tile),
      grid: [...gemmGrid(tile, m, block.rows), 1],
    };
  });
};

/** Describes `gemm_nn`. */
export const gemmNn: Describe<"gemm_nn"> = ({ x, w, y }, params, { limits, software }) => {
  const { m, n, k, alpha, accumulate } = params;
  checkSizes("gemm_nn", [["x", x, m * k], ["w", w, n * k], ["y", y, m * n]]);
  checkPacked("gemm_nn", "w", w, n);
  const tile = gemmTile(m, n, software);
  return rowBlocks("gemm_nn", w, k, n, limits).map((block, index) => ({
    shader: { name: "gemm_nn", source: nnSource },
    prelude: tileConstants(tile) + nnTile + loaders({
      x: { tensor: x, rowLengths: [k, block.rows, block.first] },
      w: { tensor: w, rowLengths: [n] },
    }),
    bindings: { x, w: block.tensor, y },
    params: {
      m,
      n,
      k: block.rows,
      ldx: k,
      x0: block.first,
      alpha,
      accumulate: index === 0 ? accumulate : 1,
    },
    constants: nnConstants(tile),
    grid: [...gemmGrid(tile, m, n), 1],
  }));
};

/** Describes `lora_forward`. */
export const loraForward: Describe<"lora_forward"> = (
  { x, w, xa, b, y },
  params,
  { limits, software },
) => {
  const { m, n, k, r } = params;
  checkSizes("lora_forward", [
    ["x", x, m * k],
    ["w", w, n * k],
    ["xa", xa, m * r],
    ["b", b, n * r],
    ["y", y, m * n],
  ]);
  checkPacked("lora_forward", "w", w, k);
  return rowBlocks("lora_forward", w, n, k, limits).map((block) => {
    const tile = gemmTile(m, block.rows, software);
    return {
      shader: { name: "lora_forward", source: loraForwardSource },
      prelude: tileConstants(tile) + ntTile + loaders({
        x: { tensor: x, rowLengths: [k] },
        w: { tensor: w, rowLengths: [k] },
        xa: { tensor: xa, rowLengths: [r] },
        b: { tensor: b, rowLengths: [r] },
      }),
      bindings: { x, w: block.tensor, xa, b: view(b, block.first * r, [block.rows, r]), y },
      params: { m, n: block.rows, k, r, ldy: n, y0: block.first },
      constants: ntConstants(tile),
      grid: [...gemmGrid(tile, m, block.rows), 1],
    };
  });
};

/** Describes `lora_backward`. */
export const loraBackward: Describe<"lora_backward"> = (tensors, params, { limits, software }) => {
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
  const tile = gemmTile(m, n, software);
  return rowBlocks("lora_backward", w, k, n, limits).map((block, index) => ({
    shader: { name: "lora_backward", source: loraBackwardSource },
    prelude: tileConstants(tile) + nnTile + loaders({
      dY: { tensor: dY, rowLengths: [k, block.rows, block.first] },
      w: { tensor: w, rowLengths: [n] },
      dXa: { tensor: dXa, rowLengths: [r] },
      a: { tensor: a, rowLengths: [n] },
    }),
    bindings: { dY, w: block.tensor, dXa, a, dX },
    params: {
      m,
      n,
      k: block.rows,
      // The adapter's share goes in once, with the first block.
      r: index === 0 ? r : 0,
      ldx: k,
      x0: block.first,
      accumulate: index === 0 ? accumulate : 1,
    },
    constants: nnConstants(tile),
    grid: [...gemmGrid(tile, m, n), 1],
  }));
};

/** Workgroups below which a product of few tiles is cut along its inner dimension. */
const FULL_DEVICE = 128;
/** Shortest slice worth a second stage. */
const MIN_SLICE = 256;

/** Describes `gemm_tn`. */
export const gemmTn: Describe<"gemm_tn"> = ({ a, b, y }, params, { scratch, software }) => {
  const { m, n, k, alpha, accumulate } = params;
  checkSizes("gemm_tn", [["a", a, m * k], ["b", b, n * k], ["y", y, m * n]]);
  const tile = gemmTile(m, n, software);
  const [columns, rows] = gemmGrid(tile, m, n);
  const wanted = Math.ceil(FULL_DEVICE / Math.max(columns * rows, 1));
  const slices = Math.max(1, Math.min(wanted, Math.floor(k / MIN_SLICE)));
  const slice = Math.ceil(k / slices);
  const cut = slices > 1;
  const target = cut ? scratch([slices, m, n], "f32", "slices") : y;
  const product = {
    shader: { name: "gemm_tn", source: tnSource },
    prelude: tileConstants(tile) + loaders({
      a: { tensor: a, rowLengths: [m] },
      b: { tensor: b, rowLengths: [n] },
    }),
    bindings: { a, b, y: target },
    params: { m, n, k, slice, alpha, accumulate: cut ? 0 : accumulate },
    constants: {
      WX: tile.wx,
      WY: tile.wy,
      A_TILE: tile.bk4 * tile.wy * tile.tm,
      B_TILE: tile.bk4 * tile.wx * tile.tn,
    },
    grid: [columns, rows, slices] as const,
  };
  if (!cut) return [product];
  const WG = 256;
  return [product, {
    shader: { name: "gemm_slices", source: slicesSource },
    bindings: { partial: target, y },
    params: { n: m * n, slices, accumulate },
    constants: { WG },
    grid: foldedGrid(Math.ceil(m * n / WG)),
  }];
};
