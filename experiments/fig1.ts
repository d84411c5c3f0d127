// Figure 1: test NLL over steps for each rank, the pointwise minimum over learning rates, against full
// fine-tuning (Schulman et al. 2025, "LoRA Without Regret", figure 1).
//
// In a small model embeddings and norms are a large share of all parameters, which they are not at
// 8B. So the figure compares like with like, in two pairs: the seven matrices that LoRA adapts against
// full fine-tuning of the same matrices, and LoRA with embeddings and norms trained beside it against
// full fine-tuning of everything.

import type { RunSpec } from "../runs/spec/run_spec.ts";
import type { Figure, FigureOptions } from "./figure.ts";
import { evaluationSteps, FIG1_PRESETS, type Fig1Preset } from "./fig1_presets.ts";
import { plotFig1 } from "./fig1_plot.ts";
import { fig1Curve, type Fig1Row, fig1Rows } from "./fig1_rows.ts";
import { fig1Verdicts } from "./fig1_verdicts.ts";
import { expandGrid } from "./grid.ts";
import { baseSpec, seedsOf } from "./setting.ts";

/** Modules that LoRA leaves alone: trained in full beside it, the whole model is trained. */
export const REST_OF_MODEL = [
  "embed_tokens",
  "input_layernorm",
  "post_attention_layernorm",
  "norm",
  "lm_head",
] as const;

function grid(options: FigureOptions): RunSpec[] {
  const preset = withOptions(FIG1_PRESETS[options.preset], options);
  const seed = seedsOf(preset, options);
  return preset.datasets.flatMap((name) => {
    const base = baseSpec(preset, name, options);
    const lora = { kind: "lora" as const, r: 1, target_modules: "all" as const };
    const rate = "optimizer.learning_rate";
    const specs = expandGrid({ ...base, method: lora }, {
      seed,
      "method.r": preset.ranks,
      [rate]: preset.loraRates,
    });
    const full = { kind: "full" as const, target_modules: "all" as const };
    if (!preset.wholeModel) {
      return [
        ...specs,
        ...expandGrid({ ...base, method: { kind: "full" } }, { seed, [rate]: preset.fullRates }),
      ];
    }
    const saved = { ...lora, r: Math.max(...preset.ranks), modules_to_save: [...REST_OF_MODEL] };
    return [
      ...specs,
      ...expandGrid({ ...base, method: full }, { seed, [rate]: preset.fullRates }),
      ...expandGrid({ ...base, method: saved }, { seed, [rate]: preset.savedRates }),
      ...expandGrid({ ...base, method: { kind: "full" } }, { seed, [rate]: preset.fullRates }),
    ];
  });
}

function withOptions(preset: Fig1Preset, { ranks, lrs, steps }: FigureOptions): Fig1Preset {
  return {
    ...preset,
    ...(ranks && { ranks }),
    ...(lrs && { loraRates: lrs, savedRates: lrs }),
    ...(steps !== undefined && {
      steps,
      evalSteps: typeof preset.evalSteps === "number"
        ? preset.evalSteps
        : evaluationSteps(steps, preset.evalSteps.length),
    }),
  };
}

/** Figure 1. */
export const FIG1: Figure = {
  key: "1",
  title: "Test NLL over steps for each rank",
  reportSeeds: { laptop: 6 },
  grid,
  curve: fig1Curve,
  rows: fig1Rows,
  plot: (rows) => plotFig1(rows as Fig1Row[]),
  verdicts: (rows) => fig1Verdicts(rows as Fig1Row[]),
};
