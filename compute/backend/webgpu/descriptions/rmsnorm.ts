// RMSNorm forward, backward and its weight's gradient.

import columnSumSource from "../../../../shaders/column_sum.wgsl" with { type: "text" };
import sumPrelude from "../../../../shaders/prelude/workgroup_sum.wgsl" with { type: "text" };
import backwardSource from "../../../../shaders/rmsnorm_backward.wgsl" with { type: "text" };
import weightSource from "../../../../shaders/rmsnorm_backward_weight.wgsl" with { type: "text" };
import forwardSource from "../../../../shaders/rmsnorm_forward.wgsl" with { type: "text" };
import type { Describe } from "./describe.ts";
import { type Dispatch, foldedGrid } from "../dispatch.ts";
import { rowLanes } from "./row_lanes.ts";
import { checkSizes } from "./sizes.ts";

/** Describes `rmsnorm_forward`. */
export const rmsnormForward: Describe<"rmsnorm_forward"> = (
  { x, w, y, rstd },
  params,
  context,
) => {
  const { rows, cols, eps } = params;
  checkSizes("rmsnorm_forward", [
    ["x", x, rows * cols],
    ["w", w, cols],
    ["y", y, rows * cols],
    ["rstd", rstd, rows],
  ]);
  return [{
    shader: { name: "rmsnorm_forward", source: forwardSource },
    prelude: sumPrelude,
    bindings: { x, w, y, rstd },
    params: { rows, cols, eps },
    constants: { WG: rowLanes(cols, context) },
    grid: foldedGrid(rows),
  }];
};

/** Describes `rmsnorm_backward`. */
export const rmsnormBackward: Describe<"rmsnorm_backward"> = (
  { x, w, rstd, dY, dX },
  params,
  context,
) => {
  const { rows, cols, accumulate } = params;
  checkSizes("rmsnorm_backward", [
    ["x", x, rows * cols],
    ["w", w, cols],
    ["rstd", rstd, rows],
    ["dY", dY, rows * cols],
    ["dX", dX, rows * cols],
  ]);
  return [{
    shader: { name: "rmsnorm_backward", source: backwardSource },
    prelude: sumPrelude,
    bindings: { x, w, rstd, dY, dX },
    params: { rows, cols, accumulate },
    constants: { WG: rowLanes(cols, context) },
    grid: foldedGrid(rows),
  }];
};

/** Describes `rmsnorm_backward_weight`. */
export const rmsnormBackwardWeight: Describe<"rmsnorm_backward_weight"> = (
  { x, rstd, dY, dW },
  { rows, cols },
  { scratch },
): Dispatch[] => {
  checkSizes("rmsnorm_backward_weight", [
    ["x", x, rows * cols],
    ["rstd", rstd, rows],
    ["dY", dY, rows * cols],
    ["dW", dW, cols],
  ]);
  // Enough blocks to fill a device, few enough for a short second stage.
  const blockRows = Math.max(32, Math.ceil(rows / 256));
  const blocks = Math.ceil(rows / blockRows);
  const partial = scratch([blocks, cols], "f32", "partial sums");
  return [{
    shader: { name: "rmsnorm_backward_weight", source: weightSource },
    bindings: { x, rstd, dY, partial },
    params: { rows, cols, block_rows: blockRows },
    constants: { WG: 64 },
    grid: [Math.ceil(cols / 64), blocks, 1],
  }, {
    shader: { name: "column_sum", source: columnSumSource },
    bindings: { x: partial, y: dW },
    params: { rows: blocks, cols },
    constants: { WG: 64 },
    grid: foldedGrid(Math.ceil(cols / 64)),
  }];
};
