// How the matrices of a product are read. An operand becomes WGSL: its bindings, and a function
//   NAME(matrix, at, count) → the elements at … at + 3 of a matrix of a stack, as f32.
// Where rows divide by 4 that is one load of a vector, and `at` a multiple of 4; else the elements past `count`
// (at least 1) are zero. What lies past a matrix is never asked for.

import type { Tensor } from "../../backend.ts";

/** Whether neighbours in memory are neighbours along the inner dimension of the product, or along the result's. */
export type Layout = "inner" | "outer";

/** A matrix of a product. */
export interface Operand {
  readonly name: string;
  readonly tensor: Tensor;
  readonly layout: Layout;
  /** Lengths and offsets that are multiples of 4 if elements can be read four at a time. */
  readonly lengths: readonly number[];
  /** Whether it is one of a stack; then WGSL `elements` is the size of one. */
  readonly stacked?: boolean;
  /** WGSL: elements of one matrix. */
  readonly elements?: string;
}

/** WGSL of an operand and the tensors that it binds; `binding` is its first binding. */
export function operandWgsl(
  operand: Operand,
  binding: number,
): { wgsl: string; bindings: Record<string, Tensor> } {
  const { name, tensor } = operand;
  if (tensor.dtype === "nf4") return nf4(operand, binding);
  const vectors = operand.lengths.every((length) => length % 4 === 0);
  const type = tensor.dtype === "bf16" ? (vectors ? "vec2u" : "u32") : vectors ? "vec4f" : "f32";
  const base = operand.stacked ? `matrix * (${operand.elements}) + at` : "at";
  const body = tensor.dtype === "bf16"
    ? (vectors ? bf16Vector(name) : bf16Pairs(name))
    : vectors
    ? `return ${name}_data[i / 4u];`
    : f32Scalars(name);
  return {
    wgsl: `
@group(0) @binding(${binding}) var<storage, read> ${name}_data: array<${type}>;
fn ${name}(matrix: u32, at: u32, count: u32) -> vec4f {
  let i = ${base};
  ${body}
}`,
    bindings: { [`${name}_data`]: tensor },
  };
}

function f32Scalars(name: string): string {
  // An index is never past `count`, so that no element of another's memory is read.
  const element = (c: number) =>
    `select(0.0, ${name}_data[i + min(${c}u, count - 1u)], count > ${c}u)`;
  return `return vec4f(${name}_data[i], ${element(1)}, ${element(2)}, ${element(3)});`;
}

// bf16 is the upper half of an f32: widening is a shift.
function bf16Vector(name: string): string {
  return `let words = ${name}_data[i / 4u];
  let low = bitcast<vec2f>(words << vec2u(16u));
  let high = bitcast<vec2f>(words & vec2u(0xffff0000u));
  return vec4f(low.x, high.x, low.y, high.y);`;
}

// Rows are even, so `count` is.
function bf16Pairs(name: string): string {
  return `let words = vec2u(${name}_data[i / 2u], ${name}_data[i / 2u + select(0u, 1u, count > 2u)]);
  let low = bitcast<vec2f>(words << vec2u(16u));
  let high = bitcast<vec2f>(words & vec2u(0xffff0000u));
  return select(vec4f(low.x, high.x, 0.0, 0.0), vec4f(low.x, high.x, low.y, high.y), count > 2u);`;
}

/** Blocks of 64 elements share a scale, in 8 bits itself: KERNELS.dequantize_nf4, bit for bit. */
function nf4(
  { name, tensor, lengths, stacked, elements }: Operand,
  binding: number,
): { wgsl: string; bindings: Record<string, Tensor> } {
  const vectors = lengths.every((length) => length % 4 === 0);
  const { scales, ranges, levels } = tensor.nf4!;
  const matrix = (size: string) => stacked ? `matrix * (${size}) + ` : "";
  const element = (c: number) => `select(0.0, ${name}_one(matrix, at + ${c}u), count > ${c}u)`;
  const wgsl = `
@group(0) @binding(${binding}) var<storage, read> ${name}_codes: array<u32>;
@group(0) @binding(${binding + 1}) var<storage, read> ${name}_scales: array<u32>;
@group(0) @binding(${binding + 2}) var<storage, read> ${name}_ranges: array<f32>;
@group(0) @binding(${binding + 3}) var<storage, read> ${name}_levels: array<f32>;
fn ${name}_scale(matrix: u32, at: u32) -> f32 {
  let block = at / 64u;
  let blocks = (${elements} + 63u) / 64u;
  let word = ${name}_scales[${matrix("(blocks + 3u) / 4u")}block / 4u];
  let range = ${matrix("1u + (blocks + 255u) / 256u")}0u;
  return ${name}_levels[16u + ((word >> (8u * (block % 4u))) & 255u)] *
    ${name}_ranges[range + 1u + block / 256u] + ${name}_ranges[range];
}
fn ${name}_word(matrix: u32, at: u32) -> u32 {
  return ${name}_codes[${matrix(`(${elements} + 7u) / 8u`)}at / 8u] >> (4u * (at % 8u));
}`;
  const body = vectors
    ? `
fn ${name}(matrix: u32, at: u32, count: u32) -> vec4f {
  let word = ${name}_word(matrix, at);
  return ${name}_scale(matrix, at) * vec4f(
    ${name}_levels[word & 15u],
    ${name}_levels[(word >> 4u) & 15u],
    ${name}_levels[(word >> 8u) & 15u],
    ${name}_levels[(word >> 12u) & 15u],
  );
}`
    : `
fn ${name}_one(matrix: u32, at: u32) -> f32 {
  return ${name}_scale(matrix, at) * ${name}_levels[${name}_word(matrix, at) & 15u];
}
fn ${name}(matrix: u32, at: u32, count: u32) -> vec4f {
  return vec4f(${name}_one(matrix, at), ${element(1)}, ${element(2)}, ${element(3)});
}`;
  return {
    wgsl: wgsl + body,
    bindings: {
      [`${name}_codes`]: tensor,
      [`${name}_scales`]: scales,
      [`${name}_ranges`]: ranges,
      [`${name}_levels`]: levels,
    },
  };
}

/** Storage buffers that an operand binds. */
export function operandBindings({ tensor }: Operand): number {
  return tensor.dtype === "nf4" ? 4 : 1;
}
