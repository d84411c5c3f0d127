// Cross-entropy of a chunk of logits, with its gradient in place.

import source from "../../../../shaders/cross_entropy.wgsl" with { type: "text" };
import sumPrelude from "../../../../shaders/prelude/workgroup_sum.wgsl" with { type: "text" };
import type { Describe } from "./describe.ts";
import { foldedGrid } from "../dispatch.ts";
import { rowLanes } from "./row_lanes.ts";
import { checkSizes } from "./sizes.ts";

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
    prelude: sumPrelude,
    bindings: { logits, targets, weight, nll },
    params: { rows, cols, backward },
    constants: { WG: rowLanes(cols, context) },
    grid: foldedGrid(rows),
  }];
};
