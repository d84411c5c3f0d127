// Figure 1: test NLL over steps for each rank, the pointwise minimum over learning rates, against full
// fine-tuning (Schulman et al. 2025, "LoRA Without Regret", figure 1).
//
// In a small model embeddings and norms are a large share of all parameters, which they are not at
// 8B. So the figure compares like with like, in two pairs: the seven matrices that LoRA adapts against
// full fine-tuning of the same matrices, and LoRA with embeddings and norms trained beside it against
// full fine-tuning of everything.

import type { RunSpec, RunSpecInput } from "../runs/spec/run_spec.ts";
import { type Figure, type FigureOptions, type Row, type RunOutcome } from "./figure.ts";
import { evaluationSteps, FIG1_PRESETS, type Fig1Preset } from "./fig1_presets.ts";
import { plotFig1 } from "./fig1_plot.ts";
import { expandGrid } from "./grid.ts";

/** Modules that LoRA leaves alone: trained in full beside it, the whole model is trained. */
export const REST_OF_MODEL = [
  "embed_tokens",
  "input_layernorm",
  "post_attention_layernorm",
  "norm",
  "lm_head",
] as const;

/** What is trained: the adapted matrices only, or the whole model. */
export type Pair = "matrices" | "model";

/** A curve: all learning rates of one method. */
export interface CurveKey {
  readonly panel: string;
  readonly pair: Pair;
  /** 0 is full fine-tuning. */
  readonly r: number;
}

/** The curve that a run belongs to. */
export function curveOf({ method, task }: RunSpec): CurveKey {
  const { dataset } = task;
  const panel = typeof dataset === "string"
    ? dataset
    : "name" in dataset
    ? dataset.name
    : "own data";
  if (method.kind === "full") {
    return { panel, pair: method.target_modules === undefined ? "model" : "matrices", r: 0 };
  }
  return { panel, pair: method.modules_to_save === undefined ? "matrices" : "model", r: method.r };
}

/** A curve's name. */
export function curveName({ pair, r }: CurveKey): string {
  const method = r === 0 ? "full fine-tuning" : `LoRA r=${r}`;
  return pair === "matrices" ? method : `${method}, whole model`;
}

function grid(options: FigureOptions): RunSpec[] {
  const preset = withOptions(FIG1_PRESETS[options.preset], options);
  return preset.datasets.flatMap((name) => {
    const base = baseSpec(preset, name, options);
    const lora = { kind: "lora" as const, r: 1, target_modules: "all" as const };
    const rate = "optimizer.learning_rate";
    const specs = expandGrid({ ...base, method: lora }, {
      "method.r": preset.ranks,
      [rate]: preset.loraRates,
    });
    const full = { kind: "full" as const, target_modules: "all" as const };
    if (!preset.wholeModel) {
      return [
        ...specs,
        ...expandGrid({ ...base, method: { kind: "full" } }, {
          [rate]: preset.fullRates,
        }),
      ];
    }
    const saved = { ...lora, r: Math.max(...preset.ranks), modules_to_save: [...REST_OF_MODEL] };
    return [
      ...specs,
      ...expandGrid({ ...base, method: full }, { [rate]: preset.fullRates }),
      ...expandGrid({ ...base, method: saved }, { [rate]: preset.savedRates }),
      ...expandGrid({ ...base, method: { kind: "full" } }, { [rate]: preset.fullRates }),
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

function baseSpec(
  preset: Fig1Preset,
  name: string,
  { seed, backend }: FigureOptions,
): Omit<RunSpecInput, "method"> {
  const { evalSteps, evalLimit: limit } = preset;
  return {
    model: preset.model,
    task: {
      kind: "sft",
      dataset: { name },
      eval_dataset: { name, split: "test", ...(limit !== undefined && { limit }) },
      max_length: preset.maxLength,
    },
    ...preset.base,
    max_steps: preset.steps,
    eval_steps: typeof evalSteps === "number" ? evalSteps : [...evalSteps],
    ...(seed !== undefined && { seed }),
    ...(backend !== undefined && { backend }),
  };
}

/** One row a measured point, with `best` where no other learning rate of the curve is lower there. */
function rows(outcomes: readonly RunOutcome[]): Row[] {
  const measured = outcomes.flatMap(({ run, points }) => {
    const key = curveOf(run.spec);
    return points.filter(({ eval_nll }) => eval_nll !== undefined).map((point) => ({
      ...key,
      curve: curveName(key),
      learning_rate: run.spec.optimizer.learning_rate,
      step: point.step,
      tokens: point.tokens ?? 0,
      nll: point.eval_nll!,
      trainable_parameters: run.result?.trainable_parameters ?? null,
      run_id: run.id,
    }));
  });
  const lowest = new Map<string, number>();
  const place = (row: CurveKey & { step: number }) =>
    JSON.stringify([row.panel, row.pair, row.r, row.step]);
  for (const row of measured) {
    const known = lowest.get(place(row));
    if (known === undefined || row.nll < known) lowest.set(place(row), row.nll);
  }
  return measured.map((row) => ({ ...row, best: row.nll === lowest.get(place(row)) }));
}

/** Figure 1. */
export const FIG1: Figure = {
  number: 1,
  title: "Test NLL over steps for each rank",
  grid,
  rows,
  plot: plotFig1,
};
