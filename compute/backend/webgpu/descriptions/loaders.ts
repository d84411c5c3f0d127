// Preludes that decide how a matrix is read: f32 or packed bf16, four at a time where the rows allow it.
// A loader `load_NAME(at, count)` gives the `count` (0 … 4) elements from element `at` on, zeros after
// them; in the vec4 forms `at` and `count` are multiples of 4.

import type { Tensor } from "../../backend.ts";

/** WGSL shared by kernels with loaders: how many of four elements from `at` lie inside a row. */
const VALID = `
fn valid(inside: bool, at: u32, length: u32) -> u32 {
  return select(0u, min(length - min(at, length), 4u), inside);
}`;

/** WGSL of a loader for each named matrix; `rowLengths` are the lengths and offsets that must divide by 4. */
export function loaders(
  matrices: Readonly<Record<string, { tensor: Tensor; rowLengths: readonly number[] }>>,
): string {
  const parts = Object.entries(matrices).map(([name, { tensor, rowLengths }]) => {
    const vectors = rowLengths.every((length) => length % 4 === 0);
    if (tensor.dtype === "bf16") return vectors ? bf16Vectors(name) : bf16Pairs(name);
    return vectors ? f32Vectors(name) : f32Scalars(name);
  });
  return [VALID, ...parts].join("\n");
}

function f32Vectors(name: string): string {
  return `
alias Elem_${name} = vec4f;
fn load_${name}(at: u32, count: u32) -> vec4f {
  if (count == 0u) { return vec4f(); }
  return ${name}[at / 4u];
}`;
}

function f32Scalars(name: string): string {
  return `
alias Elem_${name} = f32;
fn load_${name}(at: u32, count: u32) -> vec4f {
  var value = vec4f();
  if (count > 0u) { value.x = ${name}[at]; }
  if (count > 1u) { value.y = ${name}[at + 1u]; }
  if (count > 2u) { value.z = ${name}[at + 2u]; }
  if (count > 3u) { value.w = ${name}[at + 3u]; }
  return value;
}`;
}

// bf16 is the upper half of an f32: widening is a shift.
function bf16Vectors(name: string): string {
  return `
alias Elem_${name} = vec2u;
fn load_${name}(at: u32, count: u32) -> vec4f {
  if (count == 0u) { return vec4f(); }
  let words = ${name}[at / 4u];
  let low = bitcast<vec2f>(words << vec2u(16u));
  let high = bitcast<vec2f>(words & vec2u(0xffff0000u));
  return vec4f(low.x, high.x, low.y, high.y);
}`;
}

function bf16Pairs(name: string): string {
  return `
alias Elem_${name} = u32;
fn load_${name}(at: u32, count: u32) -> vec4f {
  var value = vec4f();
  if (count > 0u) {
    let word = ${name}[at / 2u];
    value.x = bitcast<f32>(word << 16u);
    value.y = bitcast<f32>(word & 0xffff0000u);
  }
  if (count > 2u) {
    let word = ${name}[at / 2u + 1u];
    value.z = bitcast<f32>(word << 16u);
    value.w = bitcast<f32>(word & 0xffff0000u);
  }
  return value;
}`;
}
