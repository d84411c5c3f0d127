// Figure 6: held-out accuracy after reinforcement learning over learning rates, for each rank and for full
// fine-tuning (Schulman et al. 2025, "LoRA Without Regret", figure 6). Full fine-tuning is of the matrices
// that LoRA adapts where the model is small; see fig1.ts.

import type { RunSpec, RunSpecInput } from "../runs/spec/run_spec.ts";
import { FIG6_PRESETS, type Fig6Dataset, type Fig6Preset } from "./fig6_presets.ts";
import { plotFig6 } from "./fig6_plot.ts";
import { type AccuracyRow, accuracyRows } from "./fig6_rows.ts";
import { fig6Verdicts } from "./fig6_verdicts.ts";
import type { Curve, Figure, FigureOptions } from "./figure.ts";
import { datasetOf } from "./final_rows.ts";
import { expandGrid } from "./grid.ts";
import { seedsOf } from "./setting.ts";

function withOptions(preset: Fig6Preset, { ranks, lrs, steps }: FigureOptions): Fig6Preset {
  return {
    ...preset,
    ...(ranks && { ranks }),
    ...(lrs && { loraRates: lrs }),
    ...(steps !== undefined && { steps }),
  };
}

function baseSpec(
  { model, steps, evalLimit: limit, warmUp, task, base }: Fig6Preset,
  { name, evalName = name }: Fig6Dataset,
  { backend }: FigureOptions,
): Omit<RunSpecInput, "method"> {
  return {
    model,
    task: {
      kind: "grpo",
      dataset: { name },
      eval_dataset: { name: evalName, split: "test", ...(limit !== undefined && { limit }) },
      ...(warmUp && { warm_up: warmUp }),
      ...task,
      num_epochs: 1000,
      log_kl: false,
    },
    ...base,
    max_steps: steps,
    logging_steps: steps,
    eval_steps: [steps],
    ...(backend !== undefined && { backend }),
  };
}

function grid(options: FigureOptions): RunSpec[] {
  const preset = withOptions(FIG6_PRESETS[options.preset], options);
  const seed = seedsOf(preset, options);
  const others = new Set(seed.slice(0, preset.otherSeeds));
  const rate = "optimizer.learning_rate";
  const lora = { kind: "lora" as const, r: 1, target_modules: "all" as const };
  const full = preset.full === "model"
    ? { kind: "full" as const }
    : { kind: "full" as const, target_modules: "all" as const };
  return preset.datasets.flatMap((dataset) => {
    const base = baseSpec(preset, dataset, options);
    return [
      ...expandGrid({ ...base, method: full }, { seed, [rate]: preset.fullRates }),
      ...expandGrid({ ...base, method: lora }, {
        seed,
        "method.r": preset.ranks,
        [rate]: preset.loraRates,
      }).filter(({ method, seed: own }) =>
        method.kind !== "lora" || method.r === 1 || others.has(own)
      ),
    ];
  });
}

function curve(spec: RunSpec): Curve {
  const { method } = spec;
  return {
    panel: datasetOf(spec),
    name: method.kind === "full" ? "full fine-tuning" : `LoRA r=${method.r}`,
  };
}

/** Figure 6. */
export const FIG6: Figure = {
  key: "6",
  title: "Accuracy after reinforcement learning over learning rates for each rank",
  grid,
  curve,
  rows: (outcomes) => accuracyRows(outcomes, curve),
  plot: (rows) => plotFig6(rows as AccuracyRow[]),
  verdicts: (rows) => fig6Verdicts(rows as AccuracyRow[]),
};
