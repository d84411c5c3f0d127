// One panel of curves: bands over seeds, lines, points, marks, and each curve's name at its end instead
// of a legend. Legible without colour: names, dashes and shapes carry all.

import type { PlotSpec } from "../figure.ts";
import { spreadLabels } from "./labels.ts";
import { INK } from "./theme.ts";

const LABEL_PIXELS = 15;

/** A point with the lowest and highest value over seeds. */
export interface BandPoint {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

/** Something to see on a curve: a ring, with a horizontal bar where it has an interval. */
export interface Mark {
  readonly x: number;
  readonly y: number;
  readonly interval?: readonly [number, number] | null;
  readonly shape?: "circle" | "cross" | "triangle-down" | undefined;
}

/** A curve. */
export interface PlotCurve {
  readonly name: string;
  /** Written at the curve's end; absent: its name. */
  readonly label?: string;
  readonly colour: string;
  readonly dash?: readonly number[];
  readonly shape?: "circle" | "diamond" | "square" | "triangle-up";
  /** `above`: the label stands above the last point, not at the panel's right edge; `peak`: above the highest. */
  readonly labelAt?: "edge" | "above" | "peak";
  readonly points: readonly BandPoint[];
  readonly marks?: readonly Mark[];
}

/** An axis. */
export interface PlotAxis {
  readonly title: string | null;
  readonly scale: "log" | "linear";
  readonly domain: readonly [number, number];
  readonly values?: readonly number[];
  /** d3-format. */
  readonly format: string;
}

/** What a panel shows. */
export interface Panel {
  readonly title?: string;
  readonly width: number;
  readonly height: number;
  readonly x: PlotAxis;
  readonly y: PlotAxis;
  readonly curves: readonly PlotCurve[];
  /** A horizontal line, such as what would be no difference. */
  readonly rule?: number;
}

/** Mean, lowest and highest of some values at `x`. */
export function bandPoint(x: number, values: readonly number[]): BandPoint {
  const y = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { x, y, low: Math.min(...values), high: Math.max(...values) };
}

/** Room above and below some values, on round numbers. */
export function roomFor(values: readonly number[]): [number, number] {
  const low = Math.min(...values), high = Math.max(...values);
  const unit = Math.max(1e-3, (high - low) / 20);
  return [Math.floor(low / unit - 1) * unit, Math.ceil(high / unit + 0.5) * unit];
}

/** The panel as a Vega-Lite view. */
export function curvePanel({ title, width, height, x, y, curves, rule }: Panel): PlotSpec {
  const axis = ({ title, scale, domain, values, format }: PlotAxis) => ({
    type: "quantitative",
    scale: { type: scale, domain, nice: false, ...(scale === "linear" && { zero: false }) },
    axis: { title, format, ...(values ? { values } : { tickCount: 6 }) },
  });
  const at = {
    x: { field: "x", ...axis(x) },
    y: { field: "y", ...axis(y) },
  };
  const names = curves.map(({ name }) => name);
  const color = {
    field: "curve",
    type: "nominal",
    scale: { domain: names, range: curves.map(({ colour }) => colour) },
    legend: null,
  };
  const strokeDash = {
    field: "curve",
    type: "nominal",
    scale: { domain: names, range: curves.map(({ dash }) => dash ?? [1, 0]) },
    legend: null,
  };
  const shape = {
    field: "curve",
    type: "nominal",
    scale: { domain: names, range: curves.map(({ shape }) => shape ?? "circle") },
    legend: null,
  };
  const points = curves.flatMap(({ name, points }) => points.map((p) => ({ ...p, curve: name })));
  const inside = points.filter((p) => p.y >= y.domain[0] && p.y <= y.domain[1]);
  const marks = curves.flatMap(({ name, marks }) =>
    (marks ?? []).map((m) => ({ ...m, curve: name }))
  );
  const bars = marks.flatMap(({ interval, ...m }) =>
    interval ? [{ ...m, from: interval[0], to: interval[1] }] : []
  );
  const layer: PlotSpec[] = [];
  if (title !== undefined) {
    // A mark, since vega puts a view's own title above the axis labels, wherever these end.
    layer.push({
      data: { values: [{ title }] },
      mark: { type: "text", align: "left", baseline: "bottom", fontSize: 13, fontWeight: 600 },
      encoding: { x: { value: 0 }, y: { value: -12 }, text: { field: "title" } },
    });
  }
  if (rule !== undefined) {
    layer.push({
      data: { values: [{ y: rule }] },
      mark: { type: "rule", color: INK, strokeWidth: 1, opacity: 0.6 },
      encoding: { y: at.y },
    });
  }
  if (points.some(({ low, high }) => high > low)) {
    layer.push({
      data: { values: points },
      mark: { type: "area", opacity: 0.16, clip: true },
      encoding: { x: at.x, y: { ...at.y, field: "low" }, y2: { field: "high" }, color },
    });
  }
  layer.push({
    data: { values: points },
    mark: { type: "line", strokeWidth: 2.2, clip: true },
    encoding: { ...at, color, strokeDash },
  }, {
    data: { values: inside },
    mark: { type: "point", size: 32, filled: true, opacity: 1 },
    encoding: { ...at, color, shape },
  });
  if (bars.length > 0) {
    layer.push({
      data: { values: bars },
      mark: { type: "rule", strokeWidth: 2.4, clip: true },
      encoding: { x: { ...at.x, field: "from" }, x2: { field: "to" }, y: at.y, color },
    });
  }
  for (const kind of new Set(marks.map(({ shape }) => shape ?? "circle"))) {
    layer.push({
      data: { values: marks.filter((m) => (m.shape ?? "circle") === kind) },
      mark: {
        type: "point",
        shape: kind,
        size: 110,
        filled: false,
        strokeWidth: 2,
        fill: kind === "cross" ? null : "white",
        opacity: 1,
      },
      encoding: { ...at, color },
    });
  }
  layer.push(
    ...labels(curves, x, y, height).map(({ align, dx, dy, ...label }) => ({
      data: { values: [label] },
      mark: { type: "text", align, dx, dy, fontSize: 12, fontWeight: 600 },
      encoding: { ...at, text: { field: "label" }, color },
    })),
  );
  return {
    width,
    height,
    layer,
  };
}

interface Label {
  readonly x: number;
  readonly y: number;
  readonly label: string;
  readonly curve: string;
  readonly align: "left" | "center";
  readonly dx: number;
  readonly dy: number;
}

function labels(curves: readonly PlotCurve[], x: PlotAxis, y: PlotAxis, height: number): Label[] {
  const [low, high] = y.domain;
  const drawn = curves.filter(({ points }) => points.length > 0);
  const text = ({ label, name }: PlotCurve) => label ?? name;
  const ending = drawn.filter(({ labelAt = "edge" }) => labelAt === "edge");
  // In pixels, so that logarithmic axes are spread as they look.
  const pixel = (value: number) => {
    const clamped = Math.max(low, Math.min(high, value));
    const share = y.scale === "log"
      ? Math.log(clamped / low) / Math.log(high / low)
      : (clamped - low) / (high - low);
    return share * height;
  };
  const valueAt = (p: number) =>
    y.scale === "log" ? low * (high / low) ** (p / height) : low + p / height * (high - low);
  const placed = spreadLabels(
    ending.map(({ points }) => pixel(points.at(-1)!.y)),
    LABEL_PIXELS,
    0,
    height,
  );
  return [
    ...ending.map((curve, i) => ({
      x: x.domain[1],
      y: valueAt(placed[i]!),
      label: text(curve),
      curve: curve.name,
      align: "left" as const,
      dx: 9,
      dy: 0,
    })),
    ...drawn.filter((curve) => !ending.includes(curve)).map((curve) => {
      const at = curve.labelAt === "peak"
        ? curve.points.reduce((a, b) => (b.y > a.y ? b : a))
        : curve.points.at(-1)!;
      return {
        x: at.x,
        y: Math.max(low, Math.min(high, at.high)),
        label: text(curve),
        curve: curve.name,
        align: "center" as const,
        dx: 0,
        dy: -11,
      };
    }),
  ];
}
