// A router's choice, and rows of tokens to rows of experts and back.

import choiceSource from "../../../../shaders/gather_choice.wgsl" with { type: "text" };
import gatherSource from "../../../../shaders/gather_rows.wgsl" with { type: "text" };
import groupSource from "../../../../shaders/group_rows.wgsl" with { type: "text" };
import sumPrelude from "../../../../shaders/prelude/workgroup_sum.wgsl" with { type: "text" };
import routeBackwardSource from "../../../../shaders/route_backward.wgsl" with { type: "text" };
import routeSource from "../../../../shaders/route.wgsl" with { type: "text" };
import scaleBackwardSource from "../../../../shaders/scale_rows_backward.wgsl" with {
  type: "text",
};
import scaleSource from "../../../../shaders/scale_rows.wgsl" with { type: "text" };
import scatterSource from "../../../../shaders/scatter_rows.wgsl" with { type: "text" };
import type { Tensor } from "../../backend.ts";
import type { KernelName } from "../../kernels.ts";
import type { Describe } from "./describe.ts";
import { type Dispatch, foldedGrid } from "../dispatch.ts";
import { checkSizes } from "./sizes.ts";

/** Describes `route`. */
export const route: Describe<"route"> = ({ logits, experts, scale }, params) => {
  const { rows, cols, k } = params;
  checkSizes("route", [
    ["logits", logits, rows * cols],
    ["experts", experts, rows * k],
    ["scale", scale, rows * k],
  ]);
  const WG = 64;
  return [{
    shader: { name: "route", source: routeSource },
    bindings: { logits, experts, scale },
    params: { ...params },
    constants: { WG },
    grid: foldedGrid(Math.ceil(rows / WG)),
  }];
};

/** Describes `route_backward`. */
export const routeBackward: Describe<"route_backward"> = (tensors, params) => {
  const { logits, experts, scale, dScale, dLogits } = tensors;
  const { rows, cols, k } = params;
  checkSizes("route_backward", [
    ["logits", logits, rows * cols],
    ["experts", experts, rows * k],
    ["scale", scale, rows * k],
    ["dScale", dScale, rows * k],
    ["dLogits", dLogits, rows * cols],
  ]);
  const WG = 64;
  return [{
    shader: { name: "route_backward", source: routeBackwardSource },
    bindings: { ...tensors },
    params: { ...params },
    constants: { WG },
    grid: foldedGrid(Math.ceil(rows / WG)),
  }];
};

/** Describes `group_rows`. */
export const groupRows: Describe<"group_rows"> = ({ experts, order, place, offsets }, params) => {
  const { slots, groups } = params;
  checkSizes("group_rows", [
    ["experts", experts, slots],
    ["order", order, slots],
    ["place", place, slots],
    ["offsets", offsets, groups + 1],
  ]);
  return [{
    shader: { name: "group_rows", source: groupSource },
    bindings: { experts, order, place, offsets },
    params: { slots, groups },
    constants: { WG: 256 },
    grid: [groups, 1, 1],
  }];
};

/** One invocation for one element, or for four where the rows allow it. */
function byElement(
  kernel: KernelName,
  source: string,
  bindings: Readonly<Record<string, Tensor>>,
  { rows, cols, ...params }: { readonly rows: number; readonly cols: number },
): Dispatch[] {
  const WG = 256;
  const width = cols % 4 === 0 ? 4 : 1;
  return [{
    shader: { name: kernel, source },
    prelude: `alias Elem = ${width === 4 ? "vec4f" : "f32"};`,
    bindings,
    params: { ...params, rows, cols: cols / width },
    constants: { WG },
    grid: foldedGrid(Math.ceil(rows * cols / width / WG)),
  }];
}

/** Describes `gather_rows`. */
export const gatherRows: Describe<"gather_rows"> = ({ x, order, y }, params) => {
  const { rows, cols, k } = params;
  checkSizes("gather_rows", [
    ["x", x, Math.ceil(rows / k) * cols],
    ["order", order, rows],
    ["y", y, rows * cols],
  ]);
  return byElement("gather_rows", gatherSource, { x, order, y }, params);
};

/** Describes `gather_choice`. */
export const gatherChoice: Describe<"gather_choice"> = ({ choice, order, own }, { rows, k }) => {
  checkSizes("gather_choice", [
    ["choice", choice, Math.ceil(rows / k)],
    ["order", order, rows],
    ["own", own, rows],
  ]);
  const WG = 256;
  return [{
    shader: { name: "gather_choice", source: choiceSource },
    bindings: { choice, order, own },
    params: { rows, k },
    constants: { WG },
    grid: foldedGrid(Math.ceil(rows / WG)),
  }];
};

/** Describes `scatter_rows`. */
export const scatterRows: Describe<"scatter_rows"> = ({ x, place, y }, params) => {
  const { rows, cols, k } = params;
  checkSizes("scatter_rows", [
    ["x", x, rows * k * cols],
    ["place", place, rows * k],
    ["y", y, rows * cols],
  ]);
  return byElement("scatter_rows", scatterSource, { x, place, y }, params);
};

/** Describes `scale_rows`. */
export const scaleRows: Describe<"scale_rows"> = ({ x, scale, order, y }, params) => {
  const { rows, cols } = params;
  checkSizes("scale_rows", [
    ["x", x, rows * cols],
    ["scale", scale, rows],
    ["order", order, rows],
    ["y", y, rows * cols],
  ]);
  return byElement("scale_rows", scaleSource, { x, scale, order, y }, params);
};

/** Describes `scale_rows_backward`. */
export const scaleRowsBackward: Describe<"scale_rows_backward"> = (tensors, { rows, cols }) => {
  const { x, scale, order, dY, dX, dScale } = tensors;
  checkSizes("scale_rows_backward", [
    ["x", x, rows * cols],
    ["scale", scale, rows],
    ["order", order, rows],
    ["dY", dY, rows * cols],
    ["dX", dX, rows * cols],
    ["dScale", dScale, rows],
  ]);
  return [{
    shader: { name: "scale_rows_backward", source: scaleBackwardSource },
    prelude: sumPrelude,
    bindings: { ...tensors },
    params: { rows, cols },
    constants: { WG: 128 },
    grid: foldedGrid(rows),
  }];
};
