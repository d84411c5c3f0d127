// The kernels of decoding: a cache of keys and values, adapters by row, and the drawing of tokens.

import advanceSource from "../../../../shaders/advance.wgsl" with { type: "text" };
import attentionSource from "../../../../shaders/attention_cached.wgsl" with { type: "text" };
import copySource from "../../../../shaders/copy_rows.wgsl" with { type: "text" };
import findSource from "../../../../shaders/find_cells.wgsl" with { type: "text" };
import pagesPrelude from "../../../../shaders/prelude/pages.wgsl" with { type: "text" };
import sumPrelude from "../../../../shaders/prelude/workgroup_sum.wgsl" with { type: "text" };
import sampleSource from "../../../../shaders/sample.wgsl" with { type: "text" };
import selectSource from "../../../../shaders/select_columns.wgsl" with { type: "text" };
import { MAX_STOPS, PAGE, SAMPLE_OPTIONS } from "../../kernels.ts";
import { checkHeads } from "./attention.ts";
import type { Describe } from "./describe.ts";
import { foldedGrid } from "../dispatch.ts";
import { checkSizes } from "./sizes.ts";

/** Describes `find_cells`. */
export const findCells: Describe<"find_cells"> = (tensors, { rows, width }) => {
  const { pages, last, left, cell } = tensors;
  checkSizes("find_cells", [
    ["pages", pages, rows * width],
    ["last", last, rows],
    ["left", left, rows],
    ["cell", cell, rows],
  ]);
  const WG = 64;
  return [{
    shader: { name: "find_cells", source: findSource },
    prelude: pagesPrelude,
    bindings: { pages, last, left, cell },
    params: { rows, width },
    constants: { WG, PAGE },
    grid: foldedGrid(Math.ceil(rows / WG)),
  }];
};

/** Describes `copy_rows`. */
export const copyRows: Describe<"copy_rows"> = ({ x, from, to, y }, { rows, cols }) => {
  checkSizes("copy_rows", [["x", x, cols], ["from", from, rows], ["to", to, rows], ["y", y, cols]]);
  const WG = 256;
  const width = cols % 4 === 0 ? 4 : 1;
  return [{
    shader: { name: "copy_rows", source: copySource },
    prelude: `alias Elem = ${width === 4 ? "vec4u" : "u32"};`,
    bindings: { x, source: from, destination: to, y },
    params: { rows, cols: cols / width },
    constants: { WG },
    grid: foldedGrid(Math.ceil(rows * cols / width / WG)),
  }];
};

/** Describes `attention_cached`. */
export const attentionCached: Describe<"attention_cached"> = (tensors, params) => {
  const { q, k, v, pages, prompt, last, o } = tensors;
  const { rows, cells, width, heads, kv_heads, head_dim, scale } = params;
  checkHeads("attention_cached", heads, kv_heads, head_dim);
  checkSizes("attention_cached", [
    ["q", q, rows * heads * head_dim],
    ["k", k, cells * kv_heads * head_dim],
    ["v", v, cells * kv_heads * head_dim],
    ["pages", pages, rows * width],
    ["prompt", prompt, rows],
    ["last", last, rows],
    ["o", o, rows * heads * head_dim],
  ]);
  const vec = head_dim % 4 === 0 ? 4 : 2;
  const DV = head_dim / vec;
  const WG = DV <= 64 ? 64 : 128;
  return [{
    shader: { name: "attention_cached", source: attentionSource },
    prelude: `alias Vec = vec${vec}f;\n${sumPrelude}\n${pagesPrelude}`,
    bindings: { q, k, v, pages, prompt, last, o },
    params: { width, heads, kv_heads, scale },
    constants: { WG, DV, PARTS: Math.floor(WG / DV), PAGE },
    grid: [heads, rows, 1],
  }];
};

/** Describes `select_columns`. */
export const selectColumns: Describe<"select_columns"> = (tensors, { rows, cols }) => {
  const { x, choice, owner, scale } = tensors;
  checkSizes("select_columns", [
    ["x", x, rows * cols],
    ["choice", choice, rows],
    ["owner", owner, cols],
    ["scale", scale, cols],
  ]);
  const WG = 256;
  return [{
    shader: { name: "select_columns", source: selectSource },
    bindings: { x, choice, owner, scale },
    params: { rows, cols },
    constants: { WG },
    grid: foldedGrid(Math.ceil(rows * cols / WG)),
  }];
};

/** Describes `sample`. */
export const sample: Describe<"sample"> = (tensors, { rows, cols, stride }) => {
  const { logits, options, uniform, tick, drawn } = tensors;
  checkSizes("sample", [
    ["logits", logits, rows * cols],
    ["options", options, rows * SAMPLE_OPTIONS],
    ["uniform", uniform, rows],
    ["tick", tick, rows],
    ["drawn", drawn, rows * 2],
  ]);
  return [{
    shader: { name: "sample", source: sampleSource },
    prelude: sumPrelude,
    bindings: { logits, options, uniforms: uniform, tick, drawn },
    params: { rows, cols, stride },
    constants: { WG: 256 },
    grid: foldedGrid(rows),
  }];
};

/** Describes `advance`. */
export const advance: Describe<"advance"> = (tensors, { rows, stride }) => {
  const { drawn, stops, tick, left, ids, start, last, ring } = tensors;
  checkSizes("advance", [
    ["drawn", drawn, rows * 2],
    ["stops", stops, rows * MAX_STOPS],
    ["tick", tick, rows],
    ["left", left, rows],
    ["ids", ids, rows],
    ["start", start, rows],
    ["last", last, rows],
    ["ring", ring, stride * 2],
  ]);
  const WG = 64;
  return [{
    shader: { name: "advance", source: advanceSource },
    bindings: { drawn, stops, tick, left, ids, start, last, ring },
    params: { rows, stride },
    constants: { WG, STOPS: MAX_STOPS },
    grid: foldedGrid(Math.ceil(rows / WG)),
  }];
};
