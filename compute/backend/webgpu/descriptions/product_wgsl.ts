// WGSL of multiply(), the inner part of shaders/gemm.wgsl, for each layout of the operands and each variant. Sums
// are named variables and their loops are written out: compilers for the processor neither unroll nor keep
// arrays in registers, and 8 × 8 sums written out run four times as fast there as the same in loops.

import type { Layout } from "./operands.ts";
import type { ProductVariant } from "./product_variants.ts";

/** One factor of a product. */
export interface Factor {
  /** The function of operands.ts that reads it. */
  readonly name: string;
  readonly layout: Layout;
  /** WGSL: which matrix of a stack, the length of a row in memory, and where rows begin. */
  readonly matrix: string;
  readonly rowLength: string;
  readonly offset?: string;
}

/** Two factors whose product is added to the sums. */
export interface Part {
  readonly left: Factor;
  readonly right: Factor;
  /** WGSL: the inner range. */
  readonly first: string;
  readonly end: string;
  /** Whether the range may end between multiples of 4. */
  readonly tail: boolean;
}

const LETTERS = ["x", "y", "z", "w"] as const;
const FOUR = [0, 1, 2, 3] as const;
const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** WGSL of a variant; each sum is taken over the parts in turn, k ascending. All parts have the same layouts. */
export function productWgsl(
  variant: ProductVariant,
  parts: readonly Part[],
  vectors: boolean,
): string {
  const { kind, tm, tn } = variant;
  const right = parts[0]!.right;
  const sums = range(tm).map((i) => range(tn / 4).map((j) => `sum${i}_${j}`));
  const declared = sums.flat().map((sum) => `  var ${sum} = vec4f();\n`).join("");
  const body = parts.map((part) => `  {\n${WRITERS[kind](variant, part)}  }\n`).join("");
  const stores = sums.flatMap((row, i) =>
    row.map((sum, j) => `  store(block, row + ${i}u, ${column(variant, right, j)}, ${sum});\n`)
  ).join("");
  return `
const TM = ${tm}u;
const TN = ${tn}u;
${kind === "tiled" ? tiles(variant) : ""}
${
    columnStep(variant, right) === 1 && vectors
      ? VECTOR_STORE
      : scalarStore(columnStep(variant, right))
  }
fn multiply(block: Block, col0: u32, local_x: u32, ty: u32, lane: u32) {
  let tx = ${kind === "subgroup" ? "subgroupExclusiveAdd(1u)" : "local_x"};
  let row = block.row0 + ty * TM;
${declared}${body}${stores}}
`;
}

/**
 * Distance of the four columns that an invocation holds side by side. Where their neighbours in a tile lie along the
 * inner dimension they are WX apart, so that lanes read different banks of workgroup memory.
 */
function columnStep({ kind, wx }: ProductVariant, { layout }: Factor): number {
  return kind === "tiled" && layout === "inner" ? wx : 1;
}

/** The first of four columns. */
function column(variant: ProductVariant, right: Factor, j: number): string {
  return columnStep(variant, right) === 1
    ? `col0 + 4u * (tx + WX * ${j}u)`
    : `col0 + tx + WX * ${4 * j}u`;
}

const VECTOR_STORE = `alias Sums = vec4f;
fn store(block: Block, row: u32, col: u32, sums: vec4f) {
  if (row >= block.row_end || col >= params.n) { return; }
  let at = (block.y0 + row * params.ldy + col) / 4u;
  if (ACCUMULATE != 0u) { y[at] += params.alpha * sums; } else { y[at] = params.alpha * sums; }
}`;

function scalarStore(step: number): string {
  return `alias Sums = f32;
fn store(block: Block, row: u32, col: u32, sums: vec4f) {
  if (row >= block.row_end) { return; }
  for (var c = 0u; c < 4u; c++) {
    let column = col + c * ${step}u;
    if (column >= params.n) { return; }
    let at = block.y0 + row * params.ldy + column;
    if (ACCUMULATE != 0u) { y[at] += params.alpha * sums[c]; } else { y[at] = params.alpha * sums[c]; }
  }
}`;
}

/** Where an operand is read, fixed for a row or column of the result: past the last one, the last one. */
interface Place {
  readonly declaration: string;
  /** WGSL of the four elements at an inner index. */
  at(k: string): string;
}

function place(name: string, factor: Factor, part: Part, index: string, size: string): Place {
  const { layout, matrix, rowLength, offset } = factor;
  const last = `min(${index}, ${size} - 1u)`;
  if (layout === "inner") {
    return {
      declaration: `let ${name} = ${last} * ${rowLength}${offset ? ` + ${offset}` : ""};\n`,
      at: (k) => `${factor.name}(${matrix}, ${name} + ${k}, ${part.end} - ${k})`,
    };
  }
  const inner = (k: string) => part.tail ? `min(${k}, ${part.end} - 1u)` : k;
  return {
    declaration: `let ${name} = ${last};\n`,
    at: (k) => `${factor.name}(${matrix}, ${inner(k)} * ${rowLength} + ${name}, ${size} - ${name})`,
  };
}

const leftPlace = (name: string, part: Part, row: string) =>
  place(name, part.left, part, row, part.left.layout === "inner" ? "block.row_end" : "params.m");
const rightPlace = (name: string, part: Part, col: string) =>
  place(name, part.right, part, col, "params.n");

/** Four vectors along one dimension → four along the other. */
function transposed(names: readonly string[], vectors: readonly string[]): string {
  return names.map((name, q) =>
    `let ${name} = vec4f(${vectors.map((vector) => `${vector}.${LETTERS[q]}`).join(", ")});\n`
  ).join("");
}

/** a0 … a[tm − 1], four inner columns of a row each; `read` gives row i, or inner column c of rows i … i + 3. */
function lefts(
  tm: number,
  { layout }: Factor,
  read: (i: number, c: number) => string,
): string {
  if (layout === "inner") return range(tm).map((i) => `let a${i} = ${read(i, 0)};\n`).join("");
  return range(tm / 4).map((block) =>
    FOUR.map((c) => `let l${block}_${c} = ${read(4 * block, c)};\n`).join("") +
    transposed(FOUR.map((q) => `a${4 * block + q}`), FOUR.map((c) => `l${block}_${c}`))
  ).join("");
}

/** b[j]_0 … b[j]_3, four columns of an inner row each; `read` gives inner row c, or column c of the four. */
function rights(tn: number, { layout }: Factor, read: (j: number, c: number) => string): string {
  const name = layout === "inner" ? "r" : "b";
  return range(tn / 4).map((j) => {
    const vectors = FOUR.map((c) => `let ${name}${j}_${c} = ${read(j, c)};\n`).join("");
    return layout === "outer"
      ? vectors
      : vectors + transposed(FOUR.map((c) => `b${j}_${c}`), FOUR.map((c) => `r${j}_${c}`));
  }).join("");
}

/** sum[i][j] += Σ_c a[i][c] · b[j][c], c ascending. */
function products({ tm, tn }: ProductVariant): string {
  return range(tn / 4).flatMap((j) =>
    range(tm).flatMap((i) => LETTERS.map((c, at) => `sum${i}_${j} += a${i}.${c} * b${j}_${at};\n`))
  ).join("");
}

/** Places and reads of the right operand, from storage at inner index `k`. */
function rightFromStorage(variant: ProductVariant, part: Part): { places: string; reads: string } {
  const { tn } = variant;
  const inner = part.right.layout === "inner";
  const first = (j: number) => column(variant, part.right, j);
  const places = range(tn / 4).map((j) =>
    inner
      ? FOUR.map((c) => rightPlace(`pr${j}_${c}`, part, `${first(j)} + ${c}u`))
      : [rightPlace(`pr${j}`, part, first(j))]
  );
  const reads = rights(
    tn,
    part.right,
    (j, c) => inner ? places[j]![c]!.at("k") : places[j]![0]!.at(`(k + ${c}u)`),
  );
  return { places: places.flat().map(({ declaration }) => declaration).join(""), reads };
}

/** Every operand is read where it is used. */
function direct(variant: ProductVariant, part: Part): string {
  const { tm } = variant;
  const inner = part.left.layout === "inner";
  const places = range(inner ? tm : tm / 4).map((i) =>
    leftPlace(`pl${i}`, part, `row + ${inner ? i : 4 * i}u`)
  );
  const right = rightFromStorage(variant, part);
  const reads = lefts(tm, part.left, (i, c) => {
    if (inner) return places[i]!.at("k");
    const value = places[i / 4]!.at(`(k + ${c}u)`);
    // Past the inner range one of the two factors has to be zero.
    return part.tail ? `select(vec4f(), ${value}, k + ${c}u < ${part.end})` : value;
  });
  return `${places.map(({ declaration }) => declaration).join("")}${right.places}
for (var k = ${part.first}; k < ${part.end}; k += 4u) {
${reads}${right.reads}${products(variant)}}
`;
}

/** Workgroup memory of a tiled variant: rows one vector longer than need be, so that neighbours use other banks. */
function tiles({ wx, wy, tm, tn, bk4, f16 }: ProductVariant): string {
  return `const BK4 = ${bk4}u;
alias Tile = vec4<${f16 ? "f16" : "f32"}>;
var<workgroup> left_tile: array<Tile, ${wy * tm * (bk4! + 1)}>;
var<workgroup> right_tile: array<Tile, ${wx * tn * (bk4! + 1)}>;`;
}

/** Copies one operand's share to a tile, the way it lies in memory; zeros past the inner range. */
function fill(tile: string, { layout }: Factor, width: string, { end }: Part, at: Place): string {
  const inner = layout === "inner";
  return `for (var i = lane; i < ${width} * BK4; i += WX * WY) {
let k = k0 + ${inner ? "i % BK4 * 4u" : `i / (${width} / 4u)`};
let across = ${inner ? "i / BK4" : `i % (${width} / 4u) * 4u`};
var value = vec4f();
if (k < ${end}) {
${at.declaration}value = ${at.at("k")};
}
${tile}[${inner ? "i / BK4 * (BK4 + 1u) + i % BK4" : "i"}] = Tile(value);
}
`;
}

/** A workgroup's memory holds 4 · bk4 inner columns of both operands. */
function tiled(variant: ProductVariant, part: Part): string {
  const { tm, tn } = variant;
  const left = lefts(
    tm,
    part.left,
    (i, c) =>
      part.left.layout === "inner"
        ? `vec4f(left_tile[(ty * TM + ${i}u) * (BK4 + 1u) + kk])`
        : `vec4f(left_tile[(kk * 4u + ${c}u) * (WY * TM / 4u) + ty * (TM / 4u) + ${i / 4}u])`,
  );
  const right = rights(
    tn,
    part.right,
    (j, c) =>
      part.right.layout === "inner"
        ? `vec4f(right_tile[(tx + WX * ${4 * j + c}u) * (BK4 + 1u) + kk])`
        : `vec4f(right_tile[(kk * 4u + ${c}u) * (WX * TN / 4u) + tx + WX * ${j}u])`,
  );
  return `for (var k0 = ${part.first}; k0 < ${part.end}; k0 += 4u * BK4) {
${fill("left_tile", part.left, "(WY * TM)", part, leftPlace("at", part, "block.row0 + across"))}${
    fill("right_tile", part.right, "(WX * TN)", part, rightPlace("at", part, "col0 + across"))
  }workgroupBarrier();
for (var kk = 0u; kk < BK4; kk++) {
${left}${right}${products(variant)}}
workgroupBarrier();
}
`;
}

/** WX lanes, a subgroup, read tm left vectors for each of WX / tm steps of 4 inner columns and hand them around. */
function subgroup(variant: ProductVariant, part: Part): string {
  const { tm } = variant;
  const inner = part.left.layout === "inner";
  const mine = leftPlace("pl", part, `row + ${inner ? "tx % TM" : "tx % TM / 4u * 4u"}`);
  const right = rightFromStorage(variant, part);
  const left = lefts(tm, part.left, (i, c) => `subgroupShuffle(mine, kk * TM + ${i + c}u)`);
  return `${mine.declaration}${right.places}
for (var k0 = ${part.first}; k0 < ${part.end}; k0 += 4u * (WX / TM)) {
let mine_k = k0 + tx / TM * 4u${inner ? "" : " + tx % 4u"};
var mine = vec4f();
if (tx < WX / TM * TM && mine_k < ${part.end}) { mine = ${mine.at("mine_k")}; }
for (var kk = 0u; kk < WX / TM; kk++) {
let k = k0 + 4u * kk;
if (k >= ${part.end}) { break; }
${left}${right.reads}${products(variant)}}
}
`;
}

const WRITERS = { direct, tiled, subgroup } as const;
