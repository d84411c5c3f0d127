// Figure 3 as Vega-Lite: the best final loss of each method over batch sizes, and beside it how far LoRA is
// behind full fine-tuning.

import type { PlotSpec } from "./figure.ts";
import { gapsOf } from "./fig3_gaps.ts";
import { type FinalRow, groupBy, seedsIn } from "./final_rows.ts";
import { bestNll } from "./optima.ts";
import { bandPoint, curvePanel, type PlotCurve, roomFor } from "./plot/curve_panel.ts";
import { FULL_COLOUR, rankColours, THEME } from "./plot/theme.ts";
import { estimate } from "./statistics/interval.ts";

/** The picture of figure 3's rows. */
export function plotFig3(rows: readonly FinalRow[]): PlotSpec {
  const ranks = [...new Set(rows.map(({ r }) => r))].filter((r) => r > 0).sort((a, b) => a - b);
  const colours = rankColours(ranks);
  const batches = [...new Set(rows.map(({ batch_size }) => batch_size))].sort((a, b) => a - b);
  const style = (r: number) =>
    r === 0
      ? { colour: FULL_COLOUR, dash: [7, 4], shape: "diamond" as const }
      : { colour: colours.get(r)!, shape: r === ranks[0] ? "square" as const : "circle" as const };

  const losses = [...groupBy(rows, ({ curve }) => curve)].map(([name, own]): PlotCurve => ({
    name,
    ...style(own[0]!.r),
    points: batches.flatMap((batch) => {
      const at = own.filter(({ batch_size }) => batch_size === batch);
      const lowest = seedsIn(at).flatMap((seed) => bestNll(at, seed) ?? []);
      return lowest.length === 0 ? [] : [bandPoint(batch, lowest)];
    }),
  }));
  const gaps = [...groupBy(gapsOf(rows), ({ r }) => r)].map(([r, own]): PlotCurve => ({
    name: `LoRA r=${r}`,
    ...style(r),
    points: [...groupBy(own, ({ batch_size }) => batch_size)].sort(([a], [b]) => a - b)
      .map(([batch, at]) => {
        const { mean, interval } = estimate(at.map(({ share }) => share));
        const [low, high] = interval ?? [mean, mean];
        return { x: batch, y: mean, low, high };
      }),
  }));

  const ends = (curves: readonly PlotCurve[]) =>
    curves.flatMap(({ points }) => points.flatMap(({ low, high }) => [low, high]));
  const x = {
    title: "batch size in sequences (log scale)",
    scale: "log" as const,
    domain: [batches[0]!, batches.at(-1)!] as const,
    values: batches,
    format: ",d",
  };
  const size = { width: 250, height: 290 };
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title: {
      text: "Batch size: LoRA against full fine-tuning",
      subtitle: [
        "Every batch size sees the same sequences, each point at its best learning rate",
        "Bands: of losses from the lowest to the highest seed, of gaps the 95 % interval of the mean",
      ],
    },
    hconcat: [
      curvePanel({
        title: "Final test NLL",
        ...size,
        x,
        y: {
          title: "nats per token",
          scale: "linear",
          domain: roomFor(ends(losses)),
          format: ".2f",
        },
        curves: losses,
      }),
      curvePanel({
        title: "Gap to full fine-tuning",
        ...size,
        x,
        y: {
          title: "share of full fine-tuning's gain",
          scale: "linear",
          domain: roomFor([0, ...ends(gaps)]),
          format: ".0%",
        },
        curves: gaps,
        rule: 0,
      }),
    ],
    spacing: 20,
    // Each panel has its own curves, so its own names and colours.
    resolve: { scale: { color: "independent", strokeDash: "independent", shape: "independent" } },
    config: THEME,
  };
}
