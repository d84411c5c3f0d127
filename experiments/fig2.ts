// Figure 2: final test NLL over learning rates, for each rank and for full fine-tuning (Schulman et al.
// 2025, "LoRA Without Regret", figure 2). Full fine-tuning is of the matrices that LoRA adapts where the
// model is small; see fig1.ts.

import type { RunSpec } from "../runs/spec/run_spec.ts";
import type { Curve, Figure, FigureOptions } from "./figure.ts";
import { FIG2_PRESETS, type Fig2Preset } from "./fig2_presets.ts";
import { plotFig2 } from "./fig2_plot.ts";
import { fig2Verdicts } from "./fig2_verdicts.ts";
import { datasetOf, type FinalRow, finalRows } from "./final_rows.ts";
import { expandGrid } from "./grid.ts";
import { baseSpec, seedsOf } from "./setting.ts";

function withOptions(preset: Fig2Preset, { ranks, lrs, steps }: FigureOptions): Fig2Preset {
  return {
    ...preset,
    ...(ranks && { ranks }),
    ...(lrs && { loraRates: lrs }),
    ...(steps !== undefined && { steps, evalSteps: [steps] }),
  };
}

function grid(options: FigureOptions): RunSpec[] {
  const preset = withOptions(FIG2_PRESETS[options.preset], options);
  const base = baseSpec(preset, preset.dataset, options);
  const seed = seedsOf(preset, options);
  const rate = "optimizer.learning_rate";
  const lora = { kind: "lora" as const, r: 1, target_modules: "all" as const };
  const full = preset.full === "model"
    ? { kind: "full" as const }
    : { kind: "full" as const, target_modules: "all" as const };
  return [
    ...expandGrid({ ...base, method: lora }, {
      seed,
      "method.r": preset.ranks,
      [rate]: preset.loraRates,
    }),
    ...expandGrid({ ...base, method: full }, { seed, [rate]: preset.fullRates }),
  ];
}

function curve(spec: RunSpec): Curve {
  const { method } = spec;
  return {
    panel: datasetOf(spec),
    name: method.kind === "full" ? "full fine-tuning" : `LoRA r=${method.r}`,
  };
}

/** Figure 2. */
export const FIG2: Figure = {
  key: "2",
  title: "Final test NLL over learning rates for each rank",
  grid,
  curve,
  rows: (outcomes) => finalRows(outcomes, curve),
  plot: (rows) => plotFig2(rows as FinalRow[]),
  verdicts: (rows) => fig2Verdicts(rows as FinalRow[]),
};
