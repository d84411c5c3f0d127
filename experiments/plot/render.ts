// Vega-Lite to SVG and PNG, with no browser and no native code.

import { initWasm, Resvg } from "@resvg/resvg-wasm";
import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { PlotSpec } from "../figure.ts";

const FONTS = ["Inter-Regular.ttf", "Inter-SemiBold.ttf"];

// Without a canvas vega takes a character to be 0.8 em wide, which leaves a third of a picture empty.
// Inter's letters and digits are 0.58 em on average, in semi-bold.
const EM_PER_CHARACTER = 0.58;
// Its types leave textMetrics out.
const { textMetrics } = vega as unknown as {
  textMetrics: { width: (item: { fontSize?: number }, text: unknown) => number };
};
textMetrics.width = ({ fontSize }, text) =>
  EM_PER_CHARACTER * (fontSize ?? 11) * String(text ?? "").length;

/** Draws a specification as SVG. */
export function renderSvg(spec: PlotSpec): Promise<string> {
  const { spec: compiled } = compile(spec as unknown as TopLevelSpec);
  return new vega.View(vega.parse(compiled), { renderer: "none" }).toSVG();
}

let ready: Promise<void> | undefined;

/** Rasterises an SVG at `scale` pixels to its unit, with the fonts of plot/fonts. */
export async function renderPng(svg: string, scale = 2): Promise<Uint8Array> {
  ready ??= Deno.readFile(new URL(import.meta.resolve("@resvg/resvg-wasm/index_bg.wasm")))
    .then((module) => initWasm(module));
  await ready;
  const fonts = FONTS.map((name) => Deno.readFile(new URL(`./fonts/${name}`, import.meta.url)));
  const resvg = new Resvg(svg, {
    fitTo: { mode: "zoom", value: scale },
    background: "white",
    font: { fontBuffers: await Promise.all(fonts), defaultFontFamily: "Inter" },
  });
  try {
    const image = resvg.render();
    try {
      return image.asPng();
    } finally {
      image.free();
    }
  } finally {
    resvg.free();
  }
}
