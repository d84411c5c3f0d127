// The measured capacity as Vega-Lite: bits memorised over bits shown for each rank, and bits memorised over
// parameters beside the rule of 2 bits.

import { BITS_PER_PARAMETER } from "../compute/theory/capacity.ts";
import { capacitiesOf, type CapacityRow } from "./capacity_rows.ts";
import type { PlotSpec } from "./figure.ts";
import { groupBy } from "./final_rows.ts";
import { bandPoint, curvePanel, type PlotAxis, type PlotCurve } from "./plot/curve_panel.ts";
import { logTicks } from "./plot/log_ticks.ts";
import { INK, rankColours, THEME } from "./plot/theme.ts";

/** The picture of the measured capacity's rows. */
export function plotCapacity(rows: readonly CapacityRow[]): PlotSpec {
  const ranks = [...groupBy(rows, ({ r }) => r)].sort(([a], [b]) => a - b);
  const colours = rankColours(ranks.map(([r]) => r));
  const byLoad = ranks.map(([r, own]): PlotCurve => ({
    name: `LoRA r=${r}`,
    colour: colours.get(r)!,
    points: [...groupBy(own, ({ data_bits }) => data_bits)].sort(([a], [b]) => a - b)
      .map(([bits, at]) =>
        bandPoint(
          bits,
          [...groupBy(at, ({ seed }) => seed).values()].map((some) =>
            Math.max(1, ...some.map(({ memorised_bits }) => memorised_bits))
          ),
        )
      ),
  }));
  const found = [...groupBy(capacitiesOf(rows), ({ parameters }) => parameters)]
    .sort(([a], [b]) => a - b);
  const measured: PlotCurve = {
    name: "measured",
    colour: "#0072b2",
    points: found.map(([parameters, at]) => bandPoint(parameters, at.map(({ bits }) => bits))),
  };
  const rule: PlotCurve = {
    name: `${BITS_PER_PARAMETER} bits each`,
    colour: INK,
    dash: [3, 3],
    shape: "diamond",
    points: found.map(([parameters]) => bandPoint(parameters, [BITS_PER_PARAMETER * parameters])),
  };
  const shown = byLoad.flatMap(({ points }) => points.map(({ x }) => x));
  const everything: PlotCurve = {
    name: "all of it",
    colour: INK,
    dash: [3, 3],
    shape: "diamond",
    points: [Math.min(...shown), Math.max(...shown)].map((bits) => bandPoint(bits, [bits])),
  };
  const size = { width: 250, height: 290 };
  const bits = (curves: readonly PlotCurve[]): PlotAxis =>
    logAxis(
      "bits memorised (log scale)",
      curves.flatMap(({ points }) => points.flatMap(({ low, high }) => [low, high])),
    );
  const left = [...byLoad, everything], right = [measured, rule];
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title: {
      text: "Measured capacity: random rows that LoRA memorises",
      subtitle: [
        "What the tuned model says of random bytes beyond 8 bits each",
        "The most of any step, load and learning rate; a lower bound",
      ],
    },
    hconcat: [
      curvePanel({
        title: "By load",
        ...size,
        x: logAxis("bits in the random rows (log scale)", shown),
        y: bits(left),
        curves: left,
      }),
      curvePanel({
        title: "By size",
        ...size,
        x: logAxis("LoRA parameters (log scale)", found.map(([parameters]) => parameters)),
        y: bits(right),
        curves: right,
      }),
    ],
    spacing: 20,
    // Each panel has its own curves, so its own names and colours.
    resolve: { scale: { color: "independent", strokeDash: "independent", shape: "independent" } },
    config: THEME,
  };
}

/** A logarithmic axis with room at its ends. */
function logAxis(title: string, values: readonly number[]): PlotAxis {
  const low = Math.min(...values) / 1.15, high = Math.max(...values) * 1.15;
  return { title, scale: "log", domain: [low, high], values: logTicks(low, high), format: "~s" };
}
