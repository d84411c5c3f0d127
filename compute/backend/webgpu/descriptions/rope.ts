// Rotary embedding, both directions.

import source from "../../../../shaders/rope.wgsl" with { type: "text" };
import type { Describe } from "./describe.ts";
import { foldedGrid } from "../dispatch.ts";
import { checkSizes } from "./sizes.ts";

const WG = 256;

/** Describes `rope`. */
export const rope: Describe<"rope"> = ({ x, start, table }, params) => {
  const { tokens, heads, head_dim, direction } = params;
  checkSizes("rope", [["x", x, tokens * heads * head_dim], ["start", start, tokens]]);
  return [{
    shader: { name: "rope", source },
    bindings: { x, start, table },
    params: { tokens, heads, head_dim, direction },
    constants: { WG },
    grid: foldedGrid(Math.ceil(tokens * heads * head_dim / 2 / WG)),
  }];
};
