// How many bits a LoRA really holds: it memorises random rows on the frozen model until it does not hold
// more (Morris et al. 2025, "How much do language models memorize?", arXiv:2505.24832, section 3; the rule
// of 2 bits a parameter is Allen-Zhu & Li 2024, arXiv:2404.05405). Random tokens can not be predicted, so
// whatever the model says of them beyond log2(vocabulary) bits a token is stored in the adapter:
//
//   memorised bits = Σ over counted tokens of log2(vocabulary) − NLL / ln 2
//
// The capacity is the most that any load of any length of training reached: a lower bound.

import { capacityBits } from "../compute/theory/capacity.ts";
import { loraParameters } from "../compute/theory/parameters.ts";
import type { RunSpec } from "../runs/spec/run_spec.ts";
import { shapesOf } from "./shapes_of.ts";
import { CAPACITY_PRESETS, type CapacityPreset } from "./capacity_presets.ts";
import { plotCapacity } from "./capacity_plot.ts";
import { type CapacityRow, capacityRows, loadOf } from "./capacity_rows.ts";
import { capacityVerdicts } from "./capacity_verdicts.ts";
import type { Curve, Figure, FigureOptions } from "./figure.ts";
import { evaluationSteps } from "./fig1_presets.ts";
import { expandGrid } from "./grid.ts";
import { KEY_TOKENS, randomRows } from "./random_rows.ts";
import { seedsOf } from "./setting.ts";

/** How many times a run looks at what it has memorised. */
const EVALUATIONS = 8;

/** Most passes over the rows that a spec allows. */
const MOST_EPOCHS = 1000;

function withOptions(preset: CapacityPreset, { ranks, lrs, steps }: FigureOptions): CapacityPreset {
  return {
    ...preset,
    ...(ranks && { ranks }),
    ...(lrs && { rates: lrs }),
    ...(steps !== undefined && { steps }),
  };
}

function grid(options: FigureOptions): RunSpec[] {
  const preset = withOptions(CAPACITY_PRESETS[options.preset], options);
  const shapes = shapesOf(preset.model);
  const bitsPerRow = (preset.length - KEY_TOKENS) * Math.log2(shapes.vocab_size);
  return seedsOf(preset, options).flatMap((seed) =>
    preset.ranks.flatMap((r) =>
      preset.loads.flatMap((load) => {
        const bits = load * capacityBits(loraParameters(shapes, "all", r));
        const count = Math.max(1, Math.round(bits / bitsPerRow));
        const inline = randomRows({
          count,
          length: preset.length,
          vocabulary: shapes.vocab_size,
          seed,
        });
        return expandGrid({
          model: preset.model,
          seed,
          method: { kind: "lora", r, target_modules: "all" },
          task: {
            kind: "sft",
            dataset: { inline },
            eval_dataset: { inline },
            max_length: preset.length,
            num_epochs: MOST_EPOCHS,
          },
          optimizer: { lr_scheduler_type: "linear" },
          batch_size: Math.max(1, Math.round(count / preset.updatesPerPass)),
          max_steps: preset.steps,
          eval_steps: evaluationSteps(preset.steps, EVALUATIONS),
          logging_steps: Math.max(1, Math.floor(preset.steps / 20)),
          save_steps: 1_000_000,
          ...(options.backend !== undefined && { backend: options.backend }),
        }, { "optimizer.learning_rate": preset.rates });
      })
    )
  );
}

function curve(spec: RunSpec): Curve {
  const { rows, counted } = loadOf(spec);
  const r = spec.method.kind === "lora" ? spec.method.r : 0;
  return { panel: "random rows", name: `LoRA r=${r}, ${rows} rows of ${counted / rows} tokens` };
}

/** How many bits a LoRA of each rank holds. */
export const CAPACITY: Figure = {
  key: "capacity",
  title: "Measured capacity of LoRA",
  grid,
  curve,
  rows: (outcomes) => capacityRows(outcomes, (model) => shapesOf(model).vocab_size),
  plot: (rows) => plotCapacity(rows as CapacityRow[]),
  verdicts: (rows) => capacityVerdicts(rows as CapacityRow[]),
};
