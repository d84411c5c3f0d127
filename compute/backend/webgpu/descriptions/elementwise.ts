// fill, scale, add, SwiGLU and AdamW: one invocation for one element, or four where n allows it.

import addSource from "../../../../shaders/add.wgsl" with { type: "text" };
import adamwSource from "../../../../shaders/adamw.wgsl" with { type: "text" };
import fillSource from "../../../../shaders/fill.wgsl" with { type: "text" };
import scaleSource from "../../../../shaders/scale.wgsl" with { type: "text" };
import swigluBackwardSource from "../../../../shaders/swiglu_backward.wgsl" with { type: "text" };
import swigluForwardSource from "../../../../shaders/swiglu_forward.wgsl" with { type: "text" };
import type { Tensor } from "../../backend.ts";
import { HYPER_LENGTH, type KernelName } from "../../kernels.ts";
import type { Describe } from "./describe.ts";
import { type Dispatch, foldedGrid } from "../dispatch.ts";
import { checkSizes } from "./sizes.ts";

const WG = 256;

/** One dispatch over n elements of `vectors`; other bindings and numbers are passed through. */
function elementwise(
  kernel: KernelName,
  source: string,
  n: number,
  vectors: Readonly<Record<string, Tensor>>,
  params: Readonly<Record<string, number>> = {},
  bindings: Readonly<Record<string, Tensor>> = {},
): Dispatch[] {
  checkSizes(kernel, Object.entries(vectors).map(([name, tensor]) => [name, tensor, n]));
  const width = n % 4 === 0 ? 4 : 1;
  return [{
    shader: { name: kernel, source },
    prelude: `alias Elem = ${width === 4 ? "vec4f" : "f32"};`,
    bindings: { ...vectors, ...bindings },
    params: { ...params, n: n / width },
    constants: { WG },
    grid: foldedGrid(Math.ceil(n / width / WG)),
  }];
}

/** Describes `fill`. */
export const fill: Describe<"fill"> = ({ y }, { n, value }) =>
  elementwise("fill", fillSource, n, { y }, { value });

/** Describes `scale`. */
export const scale: Describe<"scale"> = ({ x, y }, { n, scale, accumulate }) =>
  elementwise("scale", scaleSource, n, { x, y }, { scale, accumulate });

/** Describes `add`. */
export const add: Describe<"add"> = ({ a, b, y }, { n }) =>
  elementwise("add", addSource, n, { a, b, y });

/** Describes `swiglu_forward`. */
export const swigluForward: Describe<"swiglu_forward"> = (tensors, { n }) =>
  elementwise("swiglu_forward", swigluForwardSource, n, tensors);

/** Describes `swiglu_backward`. */
export const swigluBackward: Describe<"swiglu_backward"> = (tensors, { n }) =>
  elementwise("swiglu_backward", swigluBackwardSource, n, tensors);

/** Describes `adamw`. */
export const adamw: Describe<"adamw"> = ({ p, g, m, v, hyper, sumsq }, { n, lr_scale }) => {
  checkSizes("adamw", [["hyper", hyper, HYPER_LENGTH], ["sumsq", sumsq, 1]]);
  return elementwise("adamw", adamwSource, n, { p, g, m, v }, { lr_scale }, { hyper, sumsq });
};
