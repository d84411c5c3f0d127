// Final loss over learning rates, a U for each curve with its lowest point: figures 2, 4 and 5.

import type { PlotSpec } from "../figure.ts";
import { type FinalRow, groupBy } from "../final_rows.ts";
import { optimaOf } from "../optima.ts";
import { bandPoint, curvePanel, type PlotCurve } from "./curve_panel.ts";
import { logTicks } from "./log_ticks.ts";
import { rateText } from "./rate_text.ts";
import { THEME } from "./theme.ts";

/** How a curve looks. */
export type CurveStyle = Pick<PlotCurve, "colour" | "dash" | "shape" | "labelAt">;

/** What is drawn. */
export interface RateCurves {
  readonly title: string;
  readonly subtitle: readonly string[];
  readonly rows: readonly FinalRow[];
  readonly style: (curve: string, rows: readonly FinalRow[]) => CurveStyle;
}

/** The picture. Losses above the start are off the scale: training made things worse. */
export function rateCurves({ title, subtitle, rows, style }: RateCurves): PlotSpec {
  const finite = rows.filter(({ nll }) => nll !== null);
  const optima = new Map(optimaOf(rows).map((one) => [one.curve, one]));
  const curves = [...groupBy(finite, ({ curve }) => curve)].map(([name, own]): PlotCurve => {
    const rates = [...groupBy(own, ({ learning_rate }) => learning_rate)].sort(([a], [b]) => a - b);
    const best = optima.get(name);
    return {
      name,
      ...(best && { label: `${name} · ${rateText(best.rate.mean)}` }),
      ...style(name, own),
      points: rates.map(([rate, at]) => bandPoint(rate, at.map(({ nll }) => nll!))),
      marks: best ? [{ x: best.rate.mean, y: best.nll.mean, interval: best.rate.interval }] : [],
    };
  });
  const start = finite.find(({ start_nll }) => start_nll !== null)?.start_nll;
  const points = curves.flatMap((one) => one.points);
  const low = Math.min(...points.map((point) => point.low));
  const high = Math.min(Math.max(...points.map(({ y }) => y)), start ?? Infinity);
  const room = Math.max(1e-3, high - low) / 20;
  const rates = finite.map(({ learning_rate }) => learning_rate);
  const [least, most] = [Math.min(...rates), Math.max(...rates)];
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title: { text: title, subtitle },
    ...curvePanel({
      width: 460,
      height: 320,
      x: {
        title: "learning rate (log scale)",
        scale: "log",
        domain: [least, most],
        values: logTicks(least, most),
        format: ".0e",
      },
      y: {
        title: "final test NLL",
        scale: "linear",
        domain: [low - room, Math.max(high, low + 1e-3) + room],
        format: ".2f",
      },
      curves,
    }),
    config: THEME,
  };
}
