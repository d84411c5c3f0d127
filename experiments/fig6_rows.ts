// One row a reinforcement-learning run: how well it answers in the end, and what it could have learnt.

import { capacityBits } from "../compute/theory/capacity.ts";
import type { GrpoTask } from "../runs/spec/grpo.ts";
import type { RunSpec } from "../runs/spec/run_spec.ts";
import type { Curve, Row, RunOutcome } from "./figure.ts";
import { isDone } from "./runner.ts";

/** How a run ended. */
export interface AccuracyRow extends Row {
  readonly panel: string;
  readonly curve: string;
  readonly method: "lora" | "full";
  /** 0 for full fine-tuning. */
  readonly r: number;
  readonly learning_rate: number;
  readonly seed: number;
  readonly steps: number;
  /** Held-out accuracy before training. */
  readonly start_accuracy: number | null;
  /** Held-out accuracy after the last step, with its 95 % interval; null if the run diverged. */
  readonly accuracy: number | null;
  readonly accuracy_low: number | null;
  readonly accuracy_high: number | null;
  readonly eval_problems: number | null;
  /** Mean reward of the last batch of completions. */
  readonly reward_mean: number | null;
  /** Completions that were rewarded or not. */
  readonly episodes: number | null;
  /** episodes × log2(values that a reward can have). */
  readonly information_bits: number | null;
  readonly trainable_parameters: number | null;
  /** 2 bits a trained parameter. */
  readonly capacity_bits: number | null;
  readonly run_id: string;
}

/** Bits that one reward can tell: right or wrong, and with a format reward also boxed or not. */
export function bitsPerEpisode({ format_reward }: Pick<GrpoTask, "format_reward">): number {
  return Math.log2(format_reward > 0 ? 4 : 2);
}

/** The rows of all runs that are done; `curve` names the curve of each. */
export function accuracyRows(
  outcomes: readonly RunOutcome[],
  curve: (spec: RunSpec) => Curve,
): AccuracyRow[] {
  return outcomes.flatMap(({ run, points }) => {
    const { spec, result } = run;
    if (spec.task.kind !== "grpo" || !isDone(run)) return [];
    const { panel, name } = curve(spec);
    const measured = points.filter(({ accuracy }) => accuracy !== undefined);
    const last = run.status === "succeeded" ? measured.at(-1) : undefined;
    const final = points.findLast(({ reward_mean }) => reward_mean !== undefined);
    const episodes = final?.episodes ?? null;
    const parameters = result?.trainable_parameters ?? null;
    return [{
      panel,
      curve: name,
      method: spec.method.kind,
      r: spec.method.kind === "lora" ? spec.method.r : 0,
      learning_rate: spec.optimizer.learning_rate,
      seed: spec.seed,
      steps: spec.max_steps ?? result?.steps ?? 0,
      start_accuracy: measured[0]?.accuracy ?? null,
      accuracy: last?.accuracy ?? null,
      accuracy_low: last?.accuracy_low ?? null,
      accuracy_high: last?.accuracy_high ?? null,
      eval_problems: last?.eval_problems ?? null,
      reward_mean: final?.reward_mean ?? null,
      episodes,
      information_bits: episodes === null ? null : episodes * bitsPerEpisode(spec.task),
      trainable_parameters: parameters,
      capacity_bits: parameters === null ? null : capacityBits(parameters),
      run_id: run.id,
    }];
  });
}
