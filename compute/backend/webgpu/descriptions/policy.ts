// The policy-gradient loss of sampled tokens, and the entropy of what they were sampled from.

import entropySource from "../../../../shaders/entropy.wgsl" with { type: "text" };
import lossSource from "../../../../shaders/grpo_loss.wgsl" with { type: "text" };
import { SAMPLED_WIDTH, TERMS_WIDTH } from "../../kernels.ts";
import { foldedGrid } from "../dispatch.ts";
import { MOMENTS_PRELUDE } from "./cross_entropy.ts";
import type { Describe } from "./describe.ts";
import { rowLanes } from "./row_lanes.ts";
import { checkSizes } from "./sizes.ts";

const LOSS_WG = 64;

/** Describes `entropy`. */
export const entropy: Describe<"entropy"> = (
  { logits, entropy },
  { rows, cols },
  context,
) => {
  checkSizes("entropy", [["logits", logits, rows * cols], ["entropy", entropy, rows]]);
  return [{
    shader: { name: "entropy", source: entropySource },
    prelude: MOMENTS_PRELUDE,
    bindings: { logits, entropy },
    params: { rows, cols },
    constants: { WG: rowLanes(cols, context) },
    grid: foldedGrid(rows),
  }];
};

/** Describes `grpo_loss`. */
export const grpoLoss: Describe<"grpo_loss"> = (tensors, params) => {
  const { tokens } = params;
  const { nll, ref_nll, entropy, sampled, start, end, weight, terms } = tensors;
  checkSizes("grpo_loss", [
    ["nll", nll, tokens],
    ["ref_nll", ref_nll, tokens],
    ["entropy", entropy, tokens],
    ["sampled", sampled, tokens * SAMPLED_WIDTH],
    ["start", start, tokens],
    ["end", end, tokens],
    ["weight", weight, tokens],
    ["terms", terms, tokens * TERMS_WIDTH],
  ]);
  return [{
    shader: { name: "grpo_loss", source: lossSource },
    bindings: { nll, ref_nll, entropy, sampled, start, end, weight, terms },
    params: { ...params },
    constants: { WG: LOSS_WG },
    grid: foldedGrid(Math.ceil(tokens / LOSS_WG)),
  }];
};
