// The measured capacity as Vega-Lite: bits a parameter over the load and over the updates, beside the rule
// of 2 bits, with the hyperbola that they follow.

import { BITS_PER_PARAMETER } from "../compute/theory/capacity.ts";
import { bestAlong, capacitiesOf, type CapacityRow, longestRows } from "./capacity_rows.ts";
import type { PlotSpec } from "./figure.ts";
import { groupBy } from "./final_rows.ts";
import { bandPoint, curvePanel, type PlotAxis, type PlotCurve } from "./plot/curve_panel.ts";
import { logTicks } from "./plot/log_ticks.ts";
import { INK, rankColours, THEME } from "./plot/theme.ts";

/** Below this a bit a parameter is not worth drawing. */
const LEAST = 0.05;

type Column = "load" | "steps";

/** The picture of the measured capacity's rows. */
export function plotCapacity(rows: readonly CapacityRow[]): PlotSpec {
  const ranks = [...groupBy(rows, ({ r }) => r)].sort(([a], [b]) => a - b);
  const colours = rankColours(ranks.map(([r]) => r));
  const along = (column: Column) =>
    ranks.map(([r, own]): PlotCurve => ({
      name: `LoRA r=${r}`,
      colour: colours.get(r)!,
      shape: r === ranks[0]![0] ? "circle" : "square",
      points: pointsAlong(own, column),
    }));
  const byLoad = along("load"), bySteps = along("steps");
  const limits = capacitiesOf(rows).flatMap(({ limit, parameters }) =>
    limit === undefined ? [] : limit / parameters
  );
  const span = (curves: readonly PlotCurve[]) => {
    const xs = curves.flatMap(({ points }) => points.map(({ x }) => x));
    return [Math.min(...xs), Math.max(...xs)] as const;
  };
  const level = (name: string, [from, to]: readonly [number, number], value: number) => ({
    name,
    colour: INK,
    dash: [3, 3],
    shape: "diamond" as const,
    points: [bandPoint(from, [value]), bandPoint(to, [value])],
  });
  const mean = limits.reduce((sum, limit) => sum + limit, 0) / limits.length;
  const right = [
    ...bySteps,
    level("the rule", span(bySteps), BITS_PER_PARAMETER),
    ...(limits.length > 0 ? [level("their limit", span(bySteps), mean)] : []),
  ];
  const left = [...byLoad, level("the rule", span(byLoad), BITS_PER_PARAMETER)];
  const drawn = [...left, ...right].flatMap(({ points }) => points.flatMap((p) => [p.low, p.high]));
  const y: PlotAxis = {
    title: "bits a parameter (log scale)",
    ...logRange(drawn),
    format: "~g",
  };
  const targets = [...new Set(rows.map(({ target_modules }) => target_modules))].join(", ");
  const size = { width: 250, height: 290 };
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title: {
      text: "Measured capacity: random rows that LoRA memorises",
      subtitle: [
        `LoRA on ${targets}: what the tuned model says of random bytes beyond chance`,
        "Limit: where bits over updates tend to, by a hyperbola; bands over seeds",
      ],
    },
    hconcat: [
      curvePanel({
        title: "By load",
        ...size,
        x: pointsAxis("bits shown, over the rule's (log scale)", byLoad),
        y,
        curves: left,
      }),
      curvePanel({
        title: "By updates",
        ...size,
        x: pointsAxis("updates (log scale)", bySteps),
        y: { ...y, title: null },
        curves: right,
      }),
    ],
    spacing: 20,
    // Each panel has its own curves, so its own names and colours.
    resolve: { scale: { color: "independent", strokeDash: "independent", shape: "independent" } },
    config: THEME,
  };
}

/** Bits a parameter of one rank along its loads or its lengths, with a band over seeds. */
function pointsAlong(own: readonly CapacityRow[], column: Column): PlotCurve["points"] {
  const seeds = [...groupBy(own, ({ seed }) => seed).values()]
    .flatMap((rows) => bestAlong(longestRows(rows, column), column));
  // Seeds have as many rows, so the same loads.
  return [...groupBy(seeds, (row) => row[column])].sort(([a], [b]) => a - b)
    .map(([x, at]) =>
      bandPoint(x, at.map(({ bits_per_parameter }) => Math.max(LEAST, bits_per_parameter)))
    );
}

/** A logarithmic scale with room at its ends. */
function logRange(values: readonly number[]) {
  const low = Math.min(...values) / 1.15, high = Math.max(...values) * 1.15;
  const domain: readonly [number, number] = [low, high];
  return { scale: "log", domain, values: logTicks(low, high) } as const;
}

/** A logarithmic axis with a tick where there are points; loads of two ranks are as good as equal. */
function pointsAxis(title: string, curves: readonly PlotCurve[]): PlotAxis {
  const xs = curves.flatMap(({ points }) => points.map(({ x }) => x));
  const ticks = [...new Set(xs.map((x) => Math.round(x)))].filter((x) => x > 0);
  return { title, ...logRange(xs), values: ticks, format: "~s" };
}
