// Figure 3: final test NLL over batch sizes, LoRA of two ranks against full fine-tuning, each at its best
// learning rate for that batch size (Schulman et al. 2025, "LoRA Without Regret", figure 3). Every batch
// size sees the same number of sequences, so larger batches make fewer updates.

import type { RunSpec } from "../runs/spec/run_spec.ts";
import type { Curve, Figure, FigureOptions } from "./figure.ts";
import { FIG3_PRESETS, type Fig3Preset } from "./fig3_presets.ts";
import { plotFig3 } from "./fig3_plot.ts";
import { fig3Verdicts } from "./fig3_verdicts.ts";
import { datasetOf, type FinalRow, finalRows } from "./final_rows.ts";
import { expandGrid } from "./grid.ts";
import { baseSpec, seedsOf } from "./setting.ts";

function withOptions(preset: Fig3Preset, { ranks, lrs, steps }: FigureOptions): Fig3Preset {
  return {
    ...preset,
    ...(ranks && { ranks }),
    ...(lrs && { loraRates: lrs, rateExponent: 0 }),
    ...(steps !== undefined && { steps }),
  };
}

function grid(options: FigureOptions): RunSpec[] {
  const preset = withOptions(FIG3_PRESETS[options.preset], options);
  const seed = seedsOf(preset, options);
  const smallest = Math.min(...preset.batchSizes);
  const rate = "optimizer.learning_rate";
  const lora = { kind: "lora" as const, r: 1, target_modules: "all" as const };
  const full = preset.full === "model"
    ? { kind: "full" as const }
    : { kind: "full" as const, target_modules: "all" as const };
  return preset.batchSizes.flatMap((batch_size) => {
    const steps = Math.max(1, Math.round(preset.steps * smallest / batch_size));
    const setting = { ...preset, steps, evalSteps: [steps] };
    // Sequences of 2,048 tokens go through a large model one at a time.
    const accumulation = preset.base.gradient_checkpointing
      ? { gradient_accumulation_steps: batch_size }
      : {};
    const scaled = (rates: readonly number[]) =>
      rates.map((rate) => rate * (batch_size / smallest) ** preset.rateExponent);
    const base = { ...baseSpec(setting, preset.dataset, options), batch_size, ...accumulation };
    return [
      ...expandGrid({ ...base, method: lora }, {
        seed,
        "method.r": preset.ranks,
        [rate]: scaled(preset.loraRates),
      }),
      ...expandGrid({ ...base, method: full }, { seed, [rate]: scaled(preset.fullRates) }),
    ];
  });
}

function curve(spec: RunSpec): Curve {
  const { method, batch_size } = spec;
  return {
    panel: `${datasetOf(spec)}, batch size ${batch_size}`,
    name: method.kind === "full" ? "full fine-tuning" : `LoRA r=${method.r}`,
  };
}

/** Figure 3. */
export const FIG3: Figure = {
  key: "3",
  title: "Final test NLL over batch sizes",
  grid,
  curve,
  rows: (outcomes) => finalRows(outcomes, curve),
  plot: (rows) => plotFig3(rows as FinalRow[]),
  verdicts: (rows) => fig3Verdicts(rows as FinalRow[]),
};
