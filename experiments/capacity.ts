// How many bits a LoRA really holds: it memorises random rows on the frozen model until it does not hold
// more (Morris et al. 2025, "How much do language models memorize?", arXiv:2505.24832, section 3; the rule
// of 2 bits a parameter is Allen-Zhu & Li 2024, arXiv:2404.05405). Random tokens can not be predicted, so
// whatever the model says of them beyond log2(vocabulary) bits a token is stored in the adapter:
//
//   memorised bits = Σ over counted tokens of log2(vocabulary) − NLL / ln 2
//
// "Until it does not hold more" has two sides, and both are measured: more rows, in as many updates of as
// many rows, and more updates on the same rows. The learning rate falls to 0 in each run.

import { capacityBits } from "../compute/theory/capacity.ts";
import { loraParameters } from "../compute/theory/parameters.ts";
import type { RunSpec } from "../runs/spec/run_spec.ts";
import { CAPACITY_PRESETS, type CapacityPreset } from "./capacity_presets.ts";
import { plotCapacity } from "./capacity_plot.ts";
import { type CapacityRow, capacityRows, loadOf } from "./capacity_rows.ts";
import { capacityVerdicts } from "./capacity_verdicts.ts";
import type { Curve, Figure, FigureOptions } from "./figure.ts";
import { targetsOf } from "./final_rows.ts";
import { expandGrid } from "./grid.ts";
import { KEY_TOKENS, randomRows } from "./random_rows.ts";
import { seedsOf } from "./setting.ts";
import { shapesOf } from "./shapes_of.ts";

/** As many passes over the rows as the updates take. */
const MOST_EPOCHS = 100_000;

function withOptions(preset: CapacityPreset, { ranks, lrs, steps }: FigureOptions): CapacityPreset {
  return {
    ...preset,
    ...(ranks && { ranks }),
    ...(lrs && { rates: lrs }),
    ...(steps !== undefined && { steps }),
  };
}

/** Load and length of each run, the lengths of the load that has several last. */
function trainings({ loads, steps, longLoad, lengths }: CapacityPreset) {
  return [
    ...loads.map((load) => ({ load, steps })),
    ...lengths.map((length) => ({
      load: longLoad,
      steps: Math.max(1, Math.round(length * steps)),
    })),
  ];
}

function grid(options: FigureOptions): RunSpec[] {
  const preset = withOptions(CAPACITY_PRESETS[options.preset], options);
  const { model, targets, length } = preset;
  const shapes = shapesOf(model);
  const bitsPerRow = (length - KEY_TOKENS) * Math.log2(shapes.vocab_size);
  return seedsOf(preset, options).flatMap((seed) =>
    preset.ranks.flatMap((r) =>
      trainings(preset).flatMap(({ load, steps }) => {
        const bits = load * capacityBits(loraParameters(shapes, targets, r));
        const count = Math.max(1, Math.round(bits / bitsPerRow));
        const inline = randomRows({ count, length, vocabulary: shapes.vocab_size, seed });
        return expandGrid({
          model,
          seed,
          method: { kind: "lora", r, target_modules: targets === "all" ? "all" : [...targets] },
          task: {
            kind: "sft",
            dataset: { inline },
            eval_dataset: { inline },
            max_length: length,
            num_epochs: MOST_EPOCHS,
          },
          // A short memory of squared gradients: they fall by orders of magnitude on the way.
          optimizer: { lr_scheduler_type: "linear", betas: [0.9, 0.99] },
          batch_size: Math.min(count, preset.batch * r),
          max_steps: steps,
          eval_steps: [steps],
          logging_steps: Math.max(1, Math.floor(steps / 20)),
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
  const targets = targetsOf(spec);
  return {
    panel: "random rows",
    name: `LoRA r=${r}${targets === "all" ? "" : ` on ${targets}`}, ${rows} rows of ` +
      `${counted / rows} tokens, ${spec.max_steps} updates`,
  };
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
