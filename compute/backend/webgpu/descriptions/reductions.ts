// Inner products and sums of squares in two stages, and the metrics ring.

import dotSource from "../../../../shaders/dot.wgsl" with { type: "text" };
import sumPrelude from "../../../../shaders/prelude/workgroup_sum.wgsl" with { type: "text" };
import recordMetricsSource from "../../../../shaders/record_metrics.wgsl" with { type: "text" };
import sumSource from "../../../../shaders/sum.wgsl" with { type: "text" };
import type { Tensor } from "../../backend.ts";
import { type KernelName, RING_WIDTH } from "../../kernels.ts";
import type { Describe } from "./describe.ts";
import type { DescribeContext, Dispatch } from "../dispatch.ts";
import { checkSizes } from "./sizes.ts";

const WG = 256;
/** Most workgroups of the first stage: enough to fill a device, one number each for the second. */
const MAX_BLOCKS = 1024;

function innerProduct(
  kernel: KernelName,
  a: Tensor,
  b: Tensor,
  out: Tensor,
  n: number,
  accumulate: number,
  { scratch }: DescribeContext,
): Dispatch[] {
  checkSizes(kernel, [["a", a, n], ["b", b, n], ["out", out, 1]]);
  const blockLength = Math.max(WG * 4, Math.ceil(n / MAX_BLOCKS));
  const blocks = Math.ceil(n / blockLength);
  const partial = scratch([blocks], "f32", "partial sums");
  return [{
    shader: { name: "dot", source: dotSource },
    prelude: sumPrelude,
    bindings: { a, b, partial },
    params: { n, block_length: blockLength },
    constants: { WG },
    grid: [blocks, 1, 1],
  }, {
    shader: { name: "sum", source: sumSource },
    prelude: sumPrelude,
    bindings: { x: partial, y: out },
    params: { n: blocks, accumulate },
    constants: { WG },
    grid: [1, 1, 1],
  }];
}

/** Describes `dot`. */
export const dot: Describe<"dot"> = ({ a, b, out }, { n, accumulate }, context) =>
  innerProduct("dot", a, b, out, n, accumulate, context);

/** Describes `sum_squares`. */
export const sumSquares: Describe<"sum_squares"> = ({ x, out }, { n, accumulate }, context) =>
  innerProduct("sum_squares", x, x, out, n, accumulate, context);

/** Describes `record_metrics`. */
export const recordMetrics: Describe<"record_metrics"> = ({ loss, sumsq, slot, ring }) => {
  checkSizes("record_metrics", [
    ["loss", loss, 1],
    ["sumsq", sumsq, 1],
    ["slot", slot, 1],
    ["ring", ring, RING_WIDTH],
  ]);
  return [{
    shader: { name: "record_metrics", source: recordMetricsSource },
    bindings: { loss, sumsq, slot, ring },
    params: {},
    grid: [1, 1, 1],
  }];
};
