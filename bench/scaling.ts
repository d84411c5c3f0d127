// How a step's time grows with the model, the batch and the rank, on log-log plots beside what its
// floating-point operations say: deno task bench:scaling [--out FOLDER] [--steps N] [--threads N]
// Prints Markdown; writes scaling.svg, scaling.png and scaling.csv.

import { join } from "@std/path";
import { parseArgs } from "node:util";
import { flopsPerToken } from "../compute/theory/flops.ts";
import { logTicks } from "../experiments/plot/log_ticks.ts";
import {
  bandPoint,
  curvePanel,
  type PlotAxis,
  type PlotCurve,
} from "../experiments/plot/curve_panel.ts";
import { renderPng, renderSvg } from "../experiments/plot/render.ts";
import { FULL_COLOUR, INK, THEME } from "../experiments/plot/theme.ts";
import { measureStep } from "./step.ts";
import type { StepOptions } from "./step_options.ts";

type Method = StepOptions["method"];

/** Values of a head: the number of heads follows from the width. */
const HEAD = 32;

/** What every axis but its own holds fixed. */
const BASE = { hidden: 128, layers: 4, seq: 128, batch: 8, vocab: 1024, r: 8 } as const;

type Axis = keyof typeof BASE;

/** Each axis with its values, from the least. */
const AXES: Readonly<Record<Axis, { title: string; values: readonly number[] }>> = {
  hidden: { title: "hidden size d", values: [64, 128, 256, 512] },
  layers: { title: "layers L", values: [1, 2, 4, 8] },
  seq: { title: "sequence length T", values: [64, 128, 256, 512, 1024] },
  batch: { title: "sequences a batch B", values: [1, 4, 16, 64] },
  vocab: { title: "vocabulary V", values: [256, 1024, 4096, 16384] },
  r: { title: "rank r", values: [1, 4, 16, 64, 256] },
};

interface Row {
  readonly axis: Axis;
  readonly method: Method;
  readonly value: number;
  readonly ms: number;
  /** Floating-point operations of the step. */
  readonly flops: number;
}

const { values: args } = parseArgs({
  options: {
    out: { type: "string", default: "out" },
    steps: { type: "string", default: "3" },
    threads: { type: "string", default: "2" },
  },
});

function optionsOf(axis: Axis, value: number, method: Method): StepOptions {
  const shape = { ...BASE, [axis]: value };
  const heads = shape.hidden / HEAD;
  return {
    ...shape,
    heads,
    kvHeads: heads,
    intermediate: 3 * shape.hidden,
    method,
    dtype: "f32",
    backend: "cpu",
    steps: Number(args.steps),
    threads: Number(args.threads),
  };
}

function flopsOf(options: StepOptions): number {
  const { hidden, layers, heads, kvHeads, intermediate, vocab, batch, seq, r, method } = options;
  const flops = flopsPerToken(
    {
      model_type: "llama",
      hidden_size: hidden,
      intermediate_size: intermediate,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: kvHeads,
      head_dim: hidden / heads,
      vocab_size: vocab,
      tie_word_embeddings: true,
    },
    "all",
    r,
    seq,
  );
  return flops[method] * batch * seq;
}

/** Slope of log y over log x between the last two points, where an axis' own term weighs most. */
function slope(points: readonly { x: number; y: number }[]): number {
  const [a, b] = points.slice(-2);
  return Math.log(b!.y / a!.y) / Math.log(b!.x / a!.x);
}

const STYLES: Readonly<Record<Method, { name: string; colour: string; dash: number[] }>> = {
  full: { name: "full", colour: FULL_COLOUR, dash: [1, 0] },
  lora: { name: "LoRA", colour: "#0072b2", dash: [1, 0] },
};

/** The measured curves of an axis, and the operations' own, set at the last point. */
function curvesOf(rows: readonly Row[]): PlotCurve[] {
  return (["full", "lora"] as const).flatMap((method) => {
    const own = rows.filter((row) => row.method === method);
    if (own.length === 0) return [];
    const { name, colour, dash } = STYLES[method];
    const last = own.at(-1)!;
    return [
      { name, colour, dash, points: own.map(({ value, ms }) => bandPoint(value, [ms])) },
      {
        name: `${name}, operations`,
        label: "",
        colour: INK,
        dash: [2, 3],
        shape: method === "full" ? "triangle-up" as const : "diamond" as const,
        points: own.map(({ value, flops }) => bandPoint(value, [last.ms * flops / last.flops])),
      },
    ];
  });
}

function logAxis(title: string | null, values: readonly number[]): PlotAxis {
  const low = Math.min(...values) / 1.2, high = Math.max(...values) * 1.2;
  return { title, scale: "log", domain: [low, high], values: logTicks(low, high), format: "," };
}

function panel(axis: Axis, rows: readonly Row[]) {
  const curves = curvesOf(rows.filter((row) => row.axis === axis));
  const { title, values } = AXES[axis];
  return curvePanel({
    title,
    width: 190,
    height: 190,
    x: { ...logAxis(null, values), values },
    y: logAxis(
      axis === "hidden" || axis === "batch" ? "ms a step (log scale)" : null,
      curves.flatMap(({ points }) => points.map(({ y }) => y)),
    ),
    curves,
  });
}

// The first steps of a process are run by the engine's baseline compiler.
for (const method of ["full", "lora"] as const) await measureStep(optionsOf("r", BASE.r, method));

const rows: Row[] = [];
let device = "";
for (const axis of Object.keys(AXES) as Axis[]) {
  for (const method of ["full", "lora"] as const) {
    // Full fine-tuning has no rank: one measurement stands for all.
    const { values } = AXES[axis];
    for (const value of axis === "r" && method === "full" ? values.slice(0, 1) : values) {
      const options = optionsOf(axis, value, method);
      const measured = await measureStep(options);
      device = measured.device;
      rows.push({ axis, method, value, ms: measured.ms_per_step, flops: flopsOf(options) });
    }
  }
  const full = rows.find((row) => row.axis === "r" && row.method === "full");
  if (full) rows.push(...AXES.r.values.slice(1).map((value) => ({ ...full, value })));
}

console.log(
  `${device}, V8 ${Deno.version.v8}; ${Object.entries(BASE).map((e) => e.join(" ")).join(", ")}\n`,
);
console.log("| axis | method | ms a step | slope | slope of the operations |");
console.log("| --- | --- | --- | --: | --: |");
for (const axis of Object.keys(AXES) as Axis[]) {
  for (const method of ["full", "lora"] as const) {
    const own = rows.filter((row) => row.axis === axis && row.method === method);
    const by = (y: "ms" | "flops") =>
      slope(own.map((row) => ({ x: row.value, y: row[y] }))).toFixed(2);
    const times = own.map(({ value, ms }) => `${value}: ${ms.toFixed(1)}`).join(", ");
    console.log(`| ${AXES[axis].title} | ${method} | ${times} | ${by("ms")} | ${by("flops")} |`);
  }
}
console.log("\n| rank | LoRA step / full step, time | operations |\n| --: | --: | --: |");
const ofRank = (method: Method, rank: number) =>
  rows.find((row) => row.axis === "r" && row.method === method && row.value === rank)!;
for (const r of AXES.r.values) {
  const lora = ofRank("lora", r), full = ofRank("full", r);
  console.log(
    `| ${r} | ${(lora.ms / full.ms).toFixed(2)} | ${(lora.flops / full.flops).toFixed(2)} |`,
  );
}

const spec = {
  $schema: "https://vega.github.io/schema/vega-lite/v6.json",
  title: {
    text: "Time of a training step",
    subtitle: [
      "Median, cpu backend; dotted: its floating-point operations, set at the last point",
      `Held fixed: d=${BASE.hidden}, L=${BASE.layers}, T=${BASE.seq}, B=${BASE.batch}, V=${BASE.vocab}, r=${BASE.r}`,
    ],
  },
  columns: 3,
  concat: (Object.keys(AXES) as Axis[]).map((axis) => panel(axis, rows)),
  spacing: 24,
  resolve: { scale: { color: "independent", strokeDash: "independent", shape: "independent" } },
  config: THEME,
};
const svg = await renderSvg(spec);
await Deno.mkdir(args.out, { recursive: true });
await Deno.writeTextFile(join(args.out, "scaling.svg"), svg);
await Deno.writeFile(join(args.out, "scaling.png"), await renderPng(svg));
await Deno.writeTextFile(
  join(args.out, "scaling.csv"),
  "axis,value,method,ms,flops\n" +
    rows.map((row) =>
      [row.axis, row.value, row.method, row.ms.toFixed(3), row.flops].join(",") + "\n"
    ).join(""),
);
