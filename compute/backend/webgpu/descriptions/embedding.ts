// Embedding lookup and its gradient.

import backwardSource from "../../../../shaders/embedding_backward.wgsl" with { type: "text" };
import linksSource from "../../../../shaders/embedding_links.wgsl" with { type: "text" };
import forwardSource from "../../../../shaders/embedding_forward.wgsl" with { type: "text" };
import type { Describe } from "./describe.ts";
import { type Dispatch, foldedGrid, MAX_GRID } from "../dispatch.ts";
import { operandWgsl } from "./operands.ts";
import { rowBlocks } from "./row_blocks.ts";
import { checkPacked, checkSizes } from "./sizes.ts";

/** Describes `embedding_forward`. */
export const embeddingForward: Describe<"embedding_forward"> = (tensors, params, { limits }) => {
  const { ids, table, y } = tensors;
  const { rows, cols, vocab } = params;
  checkSizes("embedding_forward", [
    ["ids", ids, rows],
    ["table", table, vocab * cols],
    ["y", y, rows * cols],
  ]);
  checkPacked("embedding_forward", "table", table, cols);
  const WG = 256;
  return rowBlocks("embedding_forward", table, vocab, cols, limits).map((block) => {
    const { wgsl, bindings } = operandWgsl(
      { name: "table", tensor: block.tensor, layout: "inner", lengths: [cols] },
      3,
    );
    return {
      shader: { name: "embedding_forward", source: forwardSource },
      prelude: wgsl,
      bindings: { ids, y, ...bindings },
      params: { rows, cols, vocab: block.rows, first: block.first },
      constants: { WG },
      grid: foldedGrid(Math.ceil(rows * Math.ceil(cols / 4) / WG)),
    };
  });
};

/** Describes `embedding_backward`. */
export const embeddingBackward: Describe<"embedding_backward"> = (tensors, params, { scratch }) => {
  const { ids, dY, dTable } = tensors;
  const { rows, cols, vocab } = params;
  checkSizes("embedding_backward", [
    ["ids", ids, rows],
    ["dY", dY, rows * cols],
    ["dTable", dTable, vocab * cols],
  ]);
  if (rows === 0) return [];
  const links = scratch([rows], "u32", "links");
  const LINKS = 256;
  const link = {
    shader: { name: "embedding_links", source: linksSource },
    bindings: { ids, links },
    params: { rows },
    constants: { WG: LINKS },
    grid: foldedGrid(Math.ceil(rows / LINKS)),
  };
  const WG = 64;
  const parts = Math.ceil(rows / MAX_GRID);
  const sums = Array.from({ length: parts }, (_, part): Dispatch => {
    const row0 = part * MAX_GRID;
    return {
      shader: { name: "embedding_backward", source: backwardSource },
      bindings: { ids, links, dY, dTable },
      params: { rows, cols, vocab, row0 },
      constants: { WG },
      grid: [Math.min(rows - row0, MAX_GRID), Math.ceil(cols / WG), 1],
    };
  });
  return [link, ...sums];
};
