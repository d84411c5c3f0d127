// Figures 4 and 5 as Vega-Lite: a U-curve for each choice of layers.

import type { PlotSpec } from "./figure.ts";
import type { FinalRow } from "./final_rows.ts";
import { type CurveStyle, rateCurves } from "./plot/rate_curves.ts";
import { INK } from "./plot/theme.ts";

// Okabe & Ito's blue and bluish green; all layers in ink.
const STYLES: Readonly<Record<string, CurveStyle>> = {
  attention: { colour: "#0072b2", dash: [7, 4], shape: "square" },
  mlp: { colour: "#009e73", shape: "circle" },
  all: { colour: INK, dash: [2, 3], shape: "diamond" },
};
/** All layers at the rank of the MLP: more parameters than the rest. */
const ON_TOP: CurveStyle = { colour: "#b0489a", shape: "triangle-up" };

/** The picture of a comparison of layers. */
export function plotLayers(title: string, rows: readonly FinalRow[]): PlotSpec {
  const mlpRanks = new Set(
    rows.filter(({ target_modules }) => target_modules === "mlp").map(({ r }) => r),
  );
  return rateCurves({
    title,
    subtitle: [
      "Nats per token after the last step; bands from the lowest to the highest seed",
      "Equal numbers of parameters, but for all layers at the rank of the MLP, which has more",
    ],
    rows,
    style: (_, [first]) =>
      first!.target_modules === "all" && mlpRanks.has(first!.r)
        ? ON_TOP
        : STYLES[first!.target_modules] ?? ON_TOP,
  });
}
