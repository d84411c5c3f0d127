// Cross-entropy of a chunk of logits, with its gradient in place: of whole rows, or of one tile of columns after another.

import source from "../../../../shaders/cross_entropy.wgsl" with { type: "text" };
import foldSource from "../../../../shaders/cross_entropy_fold.wgsl" with { type: "text" };
import gradientSource from "../../../../shaders/cross_entropy_gradient.wgsl" with { type: "text" };
import maxPrelude from "../../../../shaders/prelude/workgroup_max.wgsl" with { type: "text" };
import momentsPrelude from "../../../../shaders/prelude/row_moments.wgsl" with { type: "text" };
import sumPrelude from "../../../../shaders/prelude/workgroup_sum.wgsl" with { type: "text" };
import { FOLD_WIDTH } from "../../kernels.ts";
import type { Describe } from "./describe.ts";
import { foldedGrid } from "../dispatch.ts";
import { rowLanes } from "./row_lanes.ts";
import { checkSizes } from "./sizes.ts";

/** For kernels that call row_moments(). */
export const MOMENTS_PRELUDE = `${maxPrelude}\n${sumPrelude}\n${momentsPrelude}`;

/** Describes `cross_entropy`. */
export const crossEntropy: Describe<"cross_entropy"> = (
  tensors,
  { rows, cols, backward },
  context,
) => {
  const { logits, targets, weight, nll } = tensors;
  checkSizes("cross_entropy", [
    ["logits", logits, rows * cols],
    ["targets", targets, rows],
    ["weight", weight, rows],
    ["nll", nll, rows],
  ]);
  return [{
    shader: { name: "cross_entropy", source },
    prelude: `${maxPrelude}\n${sumPrelude}`,
    bindings: { logits, targets, weight, nll },
    params: { rows, cols, backward },
    constants: { WG: rowLanes(cols, context) },
    grid: foldedGrid(rows),
  }];
};

/** Describes `cross_entropy_fold`. */
export const crossEntropyFold: Describe<"cross_entropy_fold"> = (
  { logits, targets, state, nll, entropy },
  { rows, cols, first, accumulate },
  context,
) => {
  checkSizes("cross_entropy_fold", [
    ["logits", logits, rows * cols],
    ["targets", targets, rows],
    ["state", state, rows * FOLD_WIDTH],
    ["nll", nll, rows],
    ["entropy", entropy, rows],
  ]);
  return [{
    shader: { name: "cross_entropy_fold", source: foldSource },
    prelude: MOMENTS_PRELUDE,
    bindings: { logits, targets, state, nll, entropy },
    params: { rows, cols, first, accumulate },
    constants: { WG: rowLanes(cols, context) },
    grid: foldedGrid(rows),
  }];
};

/** Describes `cross_entropy_gradient`. */
export const crossEntropyGradient: Describe<"cross_entropy_gradient"> = (
  { logits, targets, weight, state },
  { rows, cols, first },
  context,
) => {
  checkSizes("cross_entropy_gradient", [
    ["logits", logits, rows * cols],
    ["targets", targets, rows],
    ["weight", weight, rows],
    ["state", state, rows * FOLD_WIDTH],
  ]);
  return [{
    shader: { name: "cross_entropy_gradient", source: gradientSource },
    bindings: { logits, targets, weight, state },
    params: { rows, cols, first },
    constants: { WG: rowLanes(cols, context) },
    grid: foldedGrid(rows),
  }];
};
