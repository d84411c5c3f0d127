// Figure 2 as Vega-Lite: a U-curve for each rank, darker for higher ones; full fine-tuning in orange, dashed.

import type { PlotSpec } from "./figure.ts";
import type { FinalRow } from "./final_rows.ts";
import { rateCurves } from "./plot/rate_curves.ts";
import { FULL_COLOUR, rankColours } from "./plot/theme.ts";

/** The picture of figure 2's rows. */
export function plotFig2(rows: readonly FinalRow[]): PlotSpec {
  const colours = rankColours([...new Set(rows.map(({ r }) => r))].filter((r) => r > 0));
  return rateCurves({
    title: "Learning rates: LoRA of each rank and full fine-tuning",
    subtitle: [
      "Nats per token after the last step; bands from the lowest to the highest seed",
      "Rings: the lowest point by a parabola, with its 95 % interval, and its rate beside the name",
    ],
    rows,
    style: (_, [first]) =>
      first!.method === "full"
        ? { colour: FULL_COLOUR, dash: [7, 4], shape: "diamond", labelAt: "above" }
        : { colour: colours.get(first!.r)! },
  });
}
