// Matrix products of groups of rows, each group with a matrix of its own (experts of a mixture). How
// many rows a group has is known to the device alone: the grid has room for the worst case, and
// workgroups without rows leave.

import loraBackwardSource from "../../../../shaders/grouped_lora_backward.wgsl" with {
  type: "text",
};
import loraForwardSource from "../../../../shaders/grouped_lora_forward.wgsl" with { type: "text" };
import nnSource from "../../../../shaders/grouped_gemm_nn.wgsl" with { type: "text" };
import ntSource from "../../../../shaders/grouped_gemm_nt.wgsl" with { type: "text" };
import tnSource from "../../../../shaders/grouped_gemm_tn.wgsl" with { type: "text" };
import nnTile from "../../../../shaders/prelude/gemm_nn_tile.wgsl" with { type: "text" };
import ntTile from "../../../../shaders/prelude/gemm_nt_tile.wgsl" with { type: "text" };
import groupTile from "../../../../shaders/prelude/group_tile.wgsl" with { type: "text" };
import { byteLength, type Tensor, view } from "../../backend.ts";
import type { KernelName } from "../../kernels.ts";
import type { Describe } from "./describe.ts";
import { type GemmTile, gemmTile, nnConstants, ntConstants, tileConstants } from "./gemm_tiles.ts";
import { loaders } from "./loaders.ts";
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
  if (byteLength([groups, elements], stack.dtype) <= limit) {
    return [{ tensor: view(stack, 0, [groups, elements]), first: 0, count: groups }];
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

/** The tile for groups of average size, and the grid that holds any distribution of the rows. */
function tiling(
  rows: number,
  n: number,
  groups: number,
  software: boolean,
): { tile: GemmTile; grid: [number, number, number] } {
  const tile = gemmTile(Math.ceil(rows / Math.max(groups, 1)), n, software);
  const tiles = Math.floor(rows / (tile.wy * tile.tm)) + Math.min(rows, groups);
  return { tile, grid: [Math.ceil(n / (tile.wx * tile.tn)), tiles, 1] };
}

/** Describes `grouped_gemm_nt`. */
export const groupedGemmNt: Describe<"grouped_gemm_nt"> = (
  { x, w, offsets, y },
  { rows, n, k, groups, alpha, accumulate },
  { limits, software },
) => {
  const kernel = "grouped_gemm_nt";
  checkSizes(kernel, [
    ["x", x, rows * k],
    ["w", w, groups * n * k],
    ["offsets", offsets, groups + 1],
    ["y", y, rows * n],
  ]);
  checkPacked(kernel, "w", w, k);
  const { tile, grid } = tiling(rows, n, groups, software);
  return groupBlocks(kernel, w, groups, n * k, limits).map(({ tensor, first, count }) => ({
    shader: { name: kernel, source: ntSource },
    prelude: tileConstants(tile) + ntTile + groupTile + loaders({
      x: { tensor: x, rowLengths: [k] },
      w: { tensor: w, rowLengths: [k] },
    }),
    bindings: { x, w: tensor, offsets, y },
    params: { n, k, groups: count, first, alpha, accumulate },
    constants: ntConstants(tile),
    grid,
  }));
};

/** Describes `grouped_gemm_nn`. */
export const groupedGemmNn: Describe<"grouped_gemm_nn"> = (
  { x, w, offsets, y },
  { rows, n, k, groups, alpha, accumulate },
  { limits, software },
) => {
  const kernel = "grouped_gemm_nn";
  checkSizes(kernel, [
    ["x", x, rows * k],
    ["w", w, groups * n * k],
    ["offsets", offsets, groups + 1],
    ["y", y, rows * n],
  ]);
  checkPacked(kernel, "w", w, n);
  const { tile, grid } = tiling(rows, n, groups, software);
  return groupBlocks(kernel, w, groups, n * k, limits).map(({ tensor, first, count }) => ({
    shader: { name: kernel, source: nnSource },
    prelude: tileConstants(tile) + nnTile + groupTile + loaders({
      x: { tensor: x, rowLengths: [k] },
      w: { tensor: w, rowLengths: [n] },
    }),
    bindings: { x, w: tensor, offsets, y },
    params: { n, k, groups: count, first, alpha, accumulate },
    constants: nnConstants(tile),
    grid,
  }));
};

/** Describes `grouped_lora_forward`. */
export const groupedLoraForward: Describe<"grouped_lora_forward"> = (
  { x, w, xa, b, offsets, y },
  { rows, n, k, r, groups },
  { limits, software },
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
  const { tile, grid } = tiling(rows, n, groups, software);
  return groupBlocks(kernel, w, groups, n * k, limits).map(({ tensor, first, count }) => ({
    shader: { name: kernel, source: loraForwardSource },
    prelude: tileConstants(tile) + ntTile + groupTile + loaders({
      x: { tensor: x, rowLengths: [k] },
      w: { tensor: w, rowLengths: [k] },
      xa: { tensor: xa, rowLengths: [r] },
      b: { tensor: b, rowLengths: [r] },
    }),
    bindings: { x, w: tensor, xa, b, offsets, y },
    params: { n, k, r, groups: count, first },
    constants: ntConstants(tile),
    grid,
  }));
};

/** Describes `grouped_lora_backward`. */
export const groupedLoraBackward: Describe<"grouped_lora_backward"> = (
  { dY, w, dXa, a, offsets, dX },
  { rows, n, k, r, groups, accumulate },
  { limits, software },
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
  const { tile, grid } = tiling(rows, n, groups, software);
  return groupBlocks(kernel, w, groups, n * k, limits).map(({ tensor, first, count }) => ({
    shader: { name: kernel, source: loraBackwardSource },
    prelude: tileConstants(tile) + nnTile + groupTile + loaders({
      dY: { tensor: dY, rowLengths: [k] },
      w: { tensor: w, rowLengths: [n] },
      dXa: { tensor: dXa, rowLengths: [r] },
      a: { tensor: a, rowLengths: [n] },
    }),
    bindings: { dY, w: tensor, dXa, a, offsets, dX },
    params: { n, k, r, groups: count, first, accumulate },
    constants: nnConstants(tile),
    grid,
  }));
};

/** Describes `grouped_gemm_tn`. */
export const groupedGemmTn: Describe<"grouped_gemm_tn"> = (
  { a, b, offsets, y },
  { rows, m, n, groups, alpha },
  { software },
) => {
  checkSizes("grouped_gemm_tn", [
    ["a", a, rows * m],
    ["b", b, rows * n],
    ["offsets", offsets, groups + 1],
    ["y", y, groups * m * n],
  ]);
  const tile = gemmTile(m, n, software);
  return [{
    shader: { name: "grouped_gemm_tn", source: tnSource },
    prelude: tileConstants(tile) + loaders({
      a: { tensor: a, rowLengths: [m] },
      b: { tensor: b, rowLengths: [n] },
    }),
    bindings: { a, b, offsets, y },
    params: { m, n, alpha },
    constants: {
      WX: tile.wx,
      WY: tile.wy,
      A_TILE: tile.bk4 * tile.wy * tile.tm,
      B_TILE: tile.bk4 * tile.wx * tile.tn,
    },
    grid: [Math.ceil(n / (tile.wx * tile.tn)), Math.ceil(m / (tile.wy * tile.tm)), groups],
  }];
};
