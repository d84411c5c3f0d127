// Figures 4 and 5: which layers to adapt. LoRA on attention alone, on the feed-forward layers alone and on
// all of them, with equally many parameters; and attention added to the feed-forward layers at their
// rank (Schulman et al. 2025, "LoRA Without Regret", figures 4 and 5). Ranks follow from the exact shapes.

import { loraParameters } from "../compute/theory/parameters.ts";
import { matchedRank } from "../compute/theory/matched_rank.ts";
import type { RunSpec } from "../runs/spec/run_spec.ts";
import { shapesOf } from "./shapes_of.ts";
import type { Curve, Figure, FigureOptions, Preset } from "./figure.ts";
import { datasetOf, type FinalRow, finalRows } from "./final_rows.ts";
import { expandGrid } from "./grid.ts";
import { plotLayers } from "./layers_plot.ts";
import type { LayersPreset } from "./layers_presets.ts";
import { layersVerdicts } from "./layers_verdicts.ts";
import { baseSpec, seedsOf } from "./setting.ts";

/** The adapters of one comparison; `rank` is that of the adapter on all layers. */
export function matchedAdapters(
  model: string,
  rank: number,
): { targets: "all" | "attention" | "mlp"; r: number }[] {
  const shapes = shapesOf(model);
  const parameters = loraParameters(shapes, "all", rank);
  const mlp = matchedRank(shapes, "mlp", parameters);
  return [
    { targets: "attention", r: matchedRank(shapes, "attention", parameters) },
    { targets: "mlp", r: mlp },
    { targets: "all", r: rank },
    { targets: "all", r: mlp },
  ];
}

function withOptions(preset: LayersPreset, { ranks, lrs, steps }: FigureOptions): LayersPreset {
  return {
    ...preset,
    ...(ranks && { ranks }),
    ...(lrs && { rates: lrs }),
    ...(steps !== undefined && { steps, evalSteps: [steps] }),
  };
}

function gridOf(presets: Readonly<Record<Preset, LayersPreset>>, options: FigureOptions) {
  const preset = withOptions(presets[options.preset], options);
  const base = baseSpec(preset, preset.dataset, options);
  const seed = seedsOf(preset, options);
  const methods = preset.ranks.flatMap((rank) => matchedAdapters(preset.model, rank))
    .filter((one, i, all) =>
      all.findIndex(({ targets, r }) => targets === one.targets && r === one.r) === i
    );
  return methods.flatMap(({ targets, r }) =>
    expandGrid({ ...base, method: { kind: "lora", r, target_modules: targets } }, {
      seed,
      "optimizer.learning_rate": preset.rates,
    })
  );
}

const LAYERS: Readonly<Record<string, string>> = {
  attention: "attention",
  mlp: "MLP",
  all: "all layers",
};

function curve(spec: RunSpec): Curve {
  const { method } = spec;
  const layers = LAYERS[String(method.target_modules)] ?? String(method.target_modules);
  return {
    panel: datasetOf(spec),
    name: method.kind === "lora" ? `${layers} r=${method.r}` : layers,
  };
}

/** A figure that compares layers. */
export function layersFigure(
  { key, title, presets }: {
    readonly key: string;
    readonly title: string;
    readonly presets: Readonly<Record<Preset, LayersPreset>>;
  },
): Figure {
  return {
    key,
    title,
    grid: (options) => gridOf(presets, options),
    curve,
    rows: (outcomes) => finalRows(outcomes, curve),
    plot: (rows) => plotLayers(title, rows as FinalRow[]),
    verdicts: (rows) => layersVerdicts(key, rows as FinalRow[]),
  };
}
