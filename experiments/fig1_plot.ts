// Figure 1 as Vega-Lite: steps on a logarithmic axis, a curve for each rank with its name at its end,
// darker for higher ranks, full fine-tuning in orange and dashed.

import type { PlotSpec } from "./figure.ts";
import { coursesOf, LAG, type RankCourse } from "./fig1_falloff.ts";
import type { Fig1Row } from "./fig1_rows.ts";
import { groupBy } from "./final_rows.ts";
import { bandPoint, curvePanel, type PlotCurve, roomFor } from "./plot/curve_panel.ts";
import { FULL_COLOUR, rankColours, THEME } from "./plot/theme.ts";
import { estimateRatio } from "./statistics/interval.ts";

/** What an adapter can hold of what it has seen: 2 bits a parameter over 1 bit a token. */
function capacityRatio({ r, trainable_parameters, tokens }: Fig1Row): string | undefined {
  if (r === 0 || trainable_parameters === null || tokens === 0) return undefined;
  return `${Number((2 * trainable_parameters / tokens).toPrecision(2))}×`;
}

interface PanelRows {
  readonly title: string;
  readonly rows: readonly Fig1Row[];
  /** Whether LoRA trains other modules beside its adapters here. */
  readonly rest: boolean;
}

/** Panels in reading order: what is compared with what. */
function panelsOf(rows: readonly Fig1Row[]): PanelRows[] {
  const whole = rows.some(({ pair, r }) => pair === "model" && r > 0);
  return [...groupBy(rows, ({ panel }) => panel)].flatMap(([panel, own]) => {
    if (!whole) return [{ title: panel, rows: own, rest: false }];
    return [
      {
        title: "Trained: the matrices that LoRA adapts",
        rows: own.filter(({ pair }) => pair === "matrices"),
        rest: false,
      },
      {
        title: "Trained: the whole model",
        rows: own.filter(({ pair }) => pair === "model"),
        rest: true,
      },
    ].filter((one) => one.rows.length > 0);
  });
}

/** The picture of figure 1's rows. */
export function plotFig1(rows: readonly Fig1Row[]): PlotSpec {
  const best = rows.filter(({ best, step }) => best && step > 0);
  const start = rows.find(({ step }) => step === 0)?.nll;
  const courses = coursesOf(rows);
  const colours = rankColours([...new Set(best.map(({ r }) => r))].filter((r) => r > 0));
  const domain = roomFor(best.map(({ nll }) => nll));
  const held = best.some((row) => capacityRatio(row) !== undefined);
  const left = courses.some(({ departure }) => departure);
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title: {
      text: "LoRA against full fine-tuning: test NLL over steps",
      subtitle: [
        "Pointwise minimum over learning rates, nats per token" +
        (start === undefined ? "" : `; ${start.toFixed(3)} before training`),
        ...(held
          ? ["×: what an adapter holds (2 bits a parameter) of what it has seen (1 bit a token)"]
          : []),
        ...(left
          ? [
            `Ring: from here on ${100 * LAG} % of full fine-tuning's gain is missing; ` +
            "triangle: where the adapter should be full",
          ]
          : []),
      ],
    },
    hconcat: panelsOf(best).map((panel, index) => {
      const steps = panel.rows.map(({ step }) => step);
      const [first, last] = [Math.min(...steps), Math.max(...steps)];
      return curvePanel({
        title: panel.title,
        width: 290,
        height: 300,
        x: {
          title: "steps (log scale)",
          scale: "log",
          domain: [first, last],
          values: ticks(first, last),
          format: ",d",
        },
        y: {
          title: index === 0 ? "test NLL" : null,
          scale: "linear",
          domain,
          format: ".2f",
        },
        curves: curvesOf(panel, courses, colours),
      });
    }),
    spacing: 16,
    // Each panel has its own curves, so its own names and colours.
    resolve: { scale: { color: "independent", strokeDash: "independent", shape: "independent" } },
    config: THEME,
  };
}

function curvesOf(
  { rows, rest }: PanelRows,
  courses: readonly RankCourse[],
  colours: ReadonlyMap<number, string>,
): PlotCurve[] {
  return [...groupBy(rows, ({ r }) => r)].map(([r, own]): PlotCurve => {
    const name = r === 0 ? "full fine-tuning" : `LoRA r=${r}${rest ? " + rest" : ""}`;
    const points = [...groupBy(own, ({ step }) => step)].sort(([a], [b]) => a - b)
      .map(([step, at]) => {
        // Two learning rates may be equally low at a step.
        const seeds = new Map(at.map(({ seed, nll }) => [seed, nll]));
        return bandPoint(step, [...seeds.values()]);
      });
    const end = own.reduce((a, b) => (b.step > a.step ? b : a));
    const ratio = capacityRatio(end);
    const { panel, pair } = own[0]!;
    const course = courses.filter((one) => one.panel === panel && one.pair === pair && one.r === r);
    return {
      name,
      ...(ratio !== undefined && { label: `${name} · ${ratio}` }),
      points,
      ...(r === 0
        ? { colour: FULL_COLOUR, dash: [7, 4], shape: "diamond" }
        : { colour: colours.get(r)!, marks: marksOf(course, points) }),
    };
  });
}

function marksOf(courses: readonly RankCourse[], points: PlotCurve["points"]) {
  const on = (step: number) => ({ x: step, y: valueAt(points, step) });
  const left = courses.flatMap(({ departure }) => departure ? [departure.step] : []);
  const { capacityStep, firstStep, lastStep } = courses[0] ??
    { capacityStep: NaN, firstStep: 0, lastStep: 0 };
  return [
    // Only where most seeds say so.
    ...(2 * left.length > courses.length ? [on(estimateRatio(left).mean)] : []),
    ...(capacityStep >= firstStep && capacityStep <= lastStep
      ? [{ ...on(capacityStep), shape: "triangle-down" as const }]
      : []),
  ];
}

/** A curve's value between its points, in log steps. */
function valueAt(points: PlotCurve["points"], step: number): number {
  const next = points.findIndex(({ x }) => x >= step);
  if (next <= 0) return points[next === 0 ? 0 : points.length - 1]!.y;
  const a = points[next - 1]!, b = points[next]!;
  const share = Math.log(step / a.x) / Math.log(b.x / a.x);
  return a.y + share * (b.y - a.y);
}

/** Powers of two that are not too many: a logarithmic axis read in doublings. */
function ticks(low: number, high: number): number[] {
  const base = high / low > 300 ? 10 : 2;
  const first = Math.ceil(Math.log(low) / Math.log(base) - 1e-9);
  const end = Math.floor(Math.log(high) / Math.log(base) + 1e-9);
  return Array.from({ length: end - first + 1 }, (_, i) => base ** (first + i));
}
