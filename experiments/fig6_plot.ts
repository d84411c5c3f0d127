// Figure 6 as Vega-Lite: accuracy over learning rates, a curve for each rank, darker for higher ones; full
// fine-tuning in orange, dashed. The line across is the accuracy before any reward.

import { type AccuracyRow } from "./fig6_rows.ts";
import type { PlotSpec } from "./figure.ts";
import { groupBy } from "./final_rows.ts";
import { bandPoint, curvePanel, type PlotCurve } from "./plot/curve_panel.ts";
import { logTicks } from "./plot/log_ticks.ts";
import { FULL_COLOUR, rankColours, THEME } from "./plot/theme.ts";

/** The picture of figure 6's rows. */
export function plotFig6(rows: readonly AccuracyRow[]): PlotSpec {
  const ranks = [...new Set(rows.map(({ r }) => r))].filter((r) => r > 0);
  const colours = rankColours(ranks);
  const panels = [...groupBy(rows, ({ panel }) => panel)];
  const rates = rows.map(({ learning_rate }) => learning_rate);
  const [least, most] = [Math.min(...rates), Math.max(...rates)];
  const top = Math.max(...rows.map(({ accuracy }) => accuracy ?? 0));
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title: {
      text: "Reinforcement learning: held-out accuracy over learning rates",
      subtitle: [
        "After the last step; the line across is the accuracy before; a run that diverged has 0",
        ...budget(rows),
      ],
    },
    hconcat: panels.map(([panel, own], index) =>
      curvePanel({
        ...(panels.length > 1 && { title: panel }),
        width: panels.length > 1 ? 340 : 480,
        height: 330,
        x: {
          title: "learning rate (log scale)",
          scale: "log",
          domain: [least, most],
          values: logTicks(least, most),
          format: ".0e",
        },
        y: {
          title: index === 0 ? "held-out accuracy" : null,
          scale: "linear",
          domain: [0, Math.min(1, Math.ceil((top + 0.04) * 20) / 20)],
          format: ".0%",
        },
        rule: startOf(own),
        curves: curvesOf(own, colours),
      })
    ),
    spacing: 30,
    resolve: { scale: { color: "independent", strokeDash: "independent", shape: "independent" } },
    config: THEME,
  };
}

/** The accuracy before, mean over seeds. */
function startOf(rows: readonly AccuracyRow[]): number {
  const starts = [...groupBy(rows, ({ seed }) => seed).values()]
    .flatMap((own) =>
      own.find(({ start_accuracy }) => start_accuracy !== null)?.start_accuracy ?? []
    );
  return starts.reduce((sum, start) => sum + start, 0) / Math.max(1, starts.length);
}

function curvesOf(
  rows: readonly AccuracyRow[],
  colours: ReadonlyMap<number, string>,
): PlotCurve[] {
  return [...groupBy(rows, ({ curve }) => curve)].map(([name, own]) => {
    const { r } = own[0]!;
    const rates = [...groupBy(own, ({ learning_rate }) => learning_rate)].sort(([a], [b]) => a - b);
    return {
      name,
      points: rates.map(([rate, at]) => bandPoint(rate, at.map(({ accuracy }) => accuracy ?? 0))),
      ...(r === 0
        ? {
          colour: FULL_COLOUR,
          dash: [7, 4],
          shape: "diamond" as const,
          labelAt: "peak" as const,
        }
        : { colour: colours.get(r)! }),
    };
  });
}

/** What the rewards can tell beside what the lowest rank can hold. */
function budget(rows: readonly AccuracyRow[]): string[] {
  const known = rows.filter((row) => row.r > 0 && row.capacity_bits !== null);
  if (known.length === 0) return [];
  const low = known.reduce((a, b) => (b.r < a.r ? b : a));
  const number = (value: number) => Math.round(value).toLocaleString("en");
  const ratio = Number((low.capacity_bits! / low.information_bits!).toPrecision(2));
  return [
    `${number(low.episodes!)} episodes tell at most ${number(low.information_bits!)} bits; rank ` +
    `${low.r} holds ${number(low.capacity_bits!)} (2 bits a parameter), ${ratio} times as many`,
  ];
}
