// Matrices in 4 bits, expanded for the product that reads them.

import source from "../../../../shaders/dequantize_nf4.wgsl" with { type: "text" };
import { view } from "../../backend.ts";
import { NF4_BLOCK, NF4_GROUP, NF4_LEVELS, NF4_SCALE_LEVELS } from "../../kernels.ts";
import type { Describe } from "./describe.ts";
import { type Dispatch, foldedGrid } from "../dispatch.ts";
import { checkSizes } from "./sizes.ts";

const WG = 256;

/** Elements of a part of y are a multiple of this: then its byte offset is one of 256, and it begins a vector. */
const ALIGNMENT = 64;

const SCALAR = `
alias Elem = f32;
fn expand(word: u32) -> f32 { return levels[word & 15u]; }`;

const VECTOR = `
alias Elem = vec4f;
fn expand(word: u32) -> vec4f {
  return vec4f(
    levels[word & 15u],
    levels[(word >> 4u) & 15u],
    levels[(word >> 8u) & 15u],
    levels[(word >> 12u) & 15u],
  );
}`;

/** Describes `dequantize_nf4`: in parts, where y is larger than a binding may be. */
export const dequantizeNf4: Describe<"dequantize_nf4"> = (tensors, params, { limits }) => {
  const { codes, scales, ranges, levels, y } = tensors;
  const { elements, matrices } = params;
  const blocks = Math.ceil(elements / NF4_BLOCK);
  checkSizes("dequantize_nf4", [
    ["codes", codes, matrices * Math.ceil(elements / 8)],
    ["scales", scales, matrices * Math.ceil(blocks / 4)],
    ["ranges", ranges, matrices * (1 + Math.ceil(blocks / NF4_GROUP))],
    ["levels", levels, NF4_LEVELS + NF4_SCALE_LEVELS],
    ["y", y, matrices * elements],
  ]);
  const width = elements % 4 === 0 ? 4 : 1;
  const whole = matrices * elements;
  const most = Math.floor(limits.maxStorageBufferBindingSize / (4 * ALIGNMENT)) * ALIGNMENT;
  const dispatches: Dispatch[] = [];
  for (let first = 0; first < whole; first += most) {
    const count = Math.min(most, whole - first);
    dispatches.push({
      shader: { name: "dequantize_nf4", source },
      prelude: width === 4 ? VECTOR : SCALAR,
      bindings: { codes, scales, ranges, levels, y: view(y, first, [count]) },
      params: { elements, first, count },
      constants: { WG, WIDTH: width },
      grid: foldedGrid(Math.ceil(count / width / WG)),
    });
  }
  return dispatches;
};
