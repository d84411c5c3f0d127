// Figure 1 as Vega-Lite: steps on a logarithmic axis, a curve for each rank with its name at its end,
// darker for higher ranks, full fine-tuning in orange and dashed. Legible without colour: names and dashes carry all.

import type { PlotSpec, Row } from "./figure.ts";
import { spreadLabels } from "./plot/labels.ts";
import { FULL_COLOUR, rankColours, THEME } from "./plot/theme.ts";

const WIDTH = 300;
const HEIGHT = 300;
const LABEL_PIXELS = 15;

interface Point {
  readonly panel: string;
  readonly pair: string;
  readonly r: number;
  readonly step: number;
  readonly tokens: number;
  readonly nll: number;
  readonly trainable_parameters: number | null;
}

/** The curves' names in a panel; their order is that of the ranks. */
function shortName({ r, pair }: Point, whole: boolean): string {
  if (r === 0) return "full fine-tuning";
  return whole && pair === "model" ? `LoRA r=${r} + rest` : `LoRA r=${r}`;
}

/** What an adapter can hold of what it has seen: 2 bits a parameter over 1 bit a token. */
function capacityRatio({ r, trainable_parameters, tokens }: Point): string | undefined {
  if (r === 0 || trainable_parameters === null || tokens === 0) return undefined;
  return `${Number((2 * trainable_parameters / tokens).toPrecision(2))}×`;
}

/** Panels in reading order: what is compared with what. */
function panelsOf(points: readonly Point[]): { title: string; points: Point[] }[] {
  const whole = points.some(({ pair, r }) => pair === "model" && r > 0);
  return [...new Set(points.map(({ panel }) => panel))].flatMap((panel) => {
    const own = points.filter((point) => point.panel === panel);
    if (!whole) return [{ title: panel, points: own }];
    return [
      {
        title: "Trained: the matrices that LoRA adapts",
        points: own.filter((p) => p.pair === "matrices"),
      },
      { title: "Trained: the whole model", points: own.filter((p) => p.pair === "model") },
    ].filter((one) => one.points.length > 0);
  });
}

/** The picture of figure 1's rows. */
export function plotFig1(rows: readonly Row[]): PlotSpec {
  const best = rows.filter((row) => row.best && (row.step as number) > 0) as unknown as Point[];
  const start = rows.find((row) => row.step === 0)?.nll as number | undefined;
  const panels = panelsOf(best);
  const colours = rankColours([...new Set(best.map(({ r }) => r))].filter((r) => r > 0));
  const [low, high] = domain(best.map(({ nll }) => nll));
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title: {
      text: "LoRA against full fine-tuning: test NLL over steps",
      subtitle: [
        "Pointwise minimum over learning rates, nats per token" +
        (start === undefined ? "" : `; ${start.toFixed(3)} before training`),
        ...(best.some(capacityRatio)
          ? ["×: what an adapter holds (2 bits a parameter) of what it has seen (1 bit a token)"]
          : []),
      ],
    },
    hconcat: panels.map(({ title, points }, index) =>
      panel({ title, points, colours, low, high, first: index === 0 })
    ),
    spacing: 24,
    // Each panel has its own curves, so its own names and colours.
    resolve: { scale: { color: "independent", strokeDash: "independent" } },
    config: THEME,
  };
}

interface PanelOptions {
  readonly title: string;
  readonly points: readonly Point[];
  readonly colours: ReadonlyMap<number, string>;
  readonly low: number;
  readonly high: number;
  readonly first: boolean;
}

function panel({ title, points, colours, low, high, first }: PanelOptions): PlotSpec {
  const whole = points.every(({ pair }) => pair === "model");
  const colour = (r: number) => r === 0 ? FULL_COLOUR : colours.get(r)!;
  const data = points.map((point) => ({
    step: point.step,
    nll: point.nll,
    curve: shortName(point, whole),
    order: point.r === 0 ? 1e9 : point.r,
  }));
  const steps = data.map(({ step }) => step);
  const last = Math.max(...steps);
  const ends = [...new Set(points.map(({ r }) => r))].map((r) => {
    const own = points.filter((point) => point.r === r);
    const end = own.reduce((a, b) => (b.step > a.step ? b : a));
    const curve = shortName(end, whole), ratio = capacityRatio(end);
    const label = ratio === undefined ? curve : `${curve} · ${ratio}`;
    return { curve, label, nll: end.nll, colour: colour(r), r };
  });
  const gap = LABEL_PIXELS * (high - low) / HEIGHT;
  const placed = spreadLabels(ends.map(({ nll }) => nll), gap, low, high);
  const labels = ends.map((end, i) => ({ ...end, step: last, at: placed[i] }));
  const names = ends.map(({ curve }) => curve);
  const range = ends.map((end) => end.colour);
  const x = {
    field: "step",
    type: "quantitative",
    scale: { type: "log", domain: [Math.min(...steps), last], nice: false },
    axis: { title: "steps (log scale)", values: ticks(Math.min(...steps), last), format: ",d" },
  };
  const y = (field: string) => ({
    field,
    type: "quantitative",
    scale: { domain: [low, high], nice: false },
    axis: { title: first ? "test NLL" : null, tickCount: 6, format: ".2f" },
  });
  const color = { field: "curve", type: "nominal", scale: { domain: names, range }, legend: null };
  const full = "datum.curve === 'full fine-tuning'";
  return {
    title: { text: title, anchor: "start", fontSize: 13, fontWeight: 600, offset: 10 },
    width: WIDTH,
    height: HEIGHT,
    layer: [
      {
        data: { values: data },
        mark: { type: "line", strokeWidth: 2.2, clip: true },
        encoding: {
          x,
          y: y("nll"),
          color,
          strokeDash: {
            field: "curve",
            type: "nominal",
            scale: { domain: names, range: ends.map(({ r }) => r === 0 ? [7, 4] : [1, 0]) },
            legend: null,
          },
        },
      },
      {
        data: { values: data },
        mark: { type: "point", size: 34, filled: true, opacity: 1 },
        encoding: {
          x,
          y: y("nll"),
          color,
          shape: { condition: { test: full, value: "diamond" }, value: "circle" },
        },
      },
      {
        data: { values: labels },
        mark: { type: "text", align: "left", dx: 9, fontSize: 12, fontWeight: 600 },
        encoding: { x, y: y("at"), text: { field: "label" }, color },
      },
    ],
  };
}

/** Room above and below the curves, on round numbers. */
function domain(values: readonly number[]): [number, number] {
  const low = Math.min(...values), high = Math.max(...values);
  const unit = Math.max(1e-3, (high - low) / 20);
  return [Math.floor(low / unit - 1) * unit, Math.ceil(high / unit + 0.5) * unit];
}

/** Powers of two that are not too many: a logarithmic axis read in doublings. */
function ticks(low: number, high: number): number[] {
  const base = high / low > 300 ? 10 : 2;
  const first = Math.ceil(Math.log(low) / Math.log(base) - 1e-9);
  const end = Math.floor(Math.log(high) / Math.log(base) + 1e-9);
  return Array.from({ length: end - first + 1 }, (_, i) => base ** (first + i));
}
