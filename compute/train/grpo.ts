// Reinforcement learning with verified rewards: a flat loop that receives problems, a sampler and a
// reward, and yields what happens. It opens no file and knows no clock.
//
//   sample num_generations completions of each problem → reward → advantage = reward − mean of the group
//   → num_iterations steps on Σ min(ratio · A, clip(ratio) · A), ratio = p_learner / p_sampler
//
// Where this differs from the paper (Schulman et al. 2025, "Methods", RL) and from GRPO (Shao et al. 2024):
//  1. The ratio is clipped (epsilon, epsilon_high) and there may be a KL term (beta), as in GRPO and TRL;
//     the paper has neither. In the first step of a batch the ratio is 1 and clips nothing.
//  2. Advantages are not divided by the group's standard deviation (scale_rewards), as in the paper.
//  3. p_sampler is what the sampler itself reported for its tokens, not a second forward pass.
//  4. Completions that ran out of room count nothing (mask_truncated_completions, as DAPO has it).
//  5. Without a KL term, completions whose advantage is 0 are not passed through the model: their gradient
//     is exactly 0. Entropy, ratios and KL are means over those that are.

import type { Model } from "../models/model.ts";
import { type ReferenceModel, referenceModel } from "../models/reference.ts";
import type { PolicyOptions } from "../ops/grpo_loss.ts";
import { wilsonInterval } from "../theory/interval.ts";
import type { Completion, Generator } from "./generation.ts";
import { type GrpoMetrics, GrpoStep } from "./grpo_step.ts";
import { deviation, groupAdvantages } from "./policy_loss.ts";
import { layOutRollouts, type RolloutRules } from "./rollout.ts";
import { optimizerAt, type ScheduledAdamW } from "./schedule.ts";
import { DivergedError, type EndReason, isDue, type TrainingState } from "./sft.ts";

/** A problem as the trainer sees it. */
export interface Problem {
  readonly prompt: Uint32Array;
}

/** A source of problems with a position that can be stored and sought. */
export interface ProblemSource<P extends Problem, Cursor = unknown> {
  /** The next `count` problems, or undefined at the end of the data. */
  next(count: number): readonly P[] | undefined;
  /** The position after the last `next()`, as JSON. */
  cursor(): Cursor;
  /** Goes to a position that `cursor()` gave. */
  seek(cursor: Cursor): void;
}

/** What a completion is worth. */
export interface Grade {
  readonly reward: number;
  /** Whether its answer is right: what accuracy counts. */
  readonly correct: boolean;
}

/** What a run needs. Numbers are named as in a run spec. */
export interface GrpoOptions<P extends Problem> extends PolicyOptions, RolloutRules {
  readonly model: Model;
  readonly generator: Generator;
  readonly problems: ProblemSource<P>;
  /** Grades completions, each of the problem at the same index. */
  readonly grade: (problems: readonly P[], completions: readonly Completion[]) => Grade[];
  /** A fixed held-out set. */
  readonly evalProblems?: readonly P[] | undefined;
  /** Completions of an update: a multiple of num_generations. */
  readonly batch_size: number;
  readonly num_generations: number;
  /** Updates of each batch of completions. */
  readonly num_iterations: number;
  readonly temperature: number;
  /** Temperature at which held-out problems are answered; 0 takes the likeliest token. */
  readonly eval_temperature: number;
  readonly stopTokens: readonly number[];
  readonly scale_rewards: boolean;
  /** Whether KL to the base is measured where beta is 0. */
  readonly log_kl: boolean;
  /** Steps after which a run ends that has never seen a reward; 0 never. */
  readonly max_steps_without_reward: number;
  /** Positions of a micro-batch. */
  readonly tokensPerBatch: number;
  /** Micro-batches of an update, at most. @default {1} */
  readonly gradient_accumulation_steps?: number | undefined;
  readonly optimizer: ScheduledAdamW;
  readonly seed: number;
  readonly max_steps: number;
  /** Steps between evaluations; a list names the steps themselves. */
  readonly eval_steps: number | readonly number[];
  readonly save_steps: number;
  readonly gradient_checkpointing?: boolean | undefined;
  /** Where to go on from. */
  readonly resume?: TrainingState | undefined;
  /** Stops the run after the batch in progress, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
}

/** A graded completion of a problem. */
export interface GradedCompletion<P extends Problem> {
  readonly problem: P;
  readonly completion: Completion;
  readonly grade: Grade;
  readonly advantage: number;
}

/** What a batch of completions is like. */
export interface RolloutMetrics {
  readonly reward_mean: number;
  /** Over all completions of the batch. */
  readonly reward_std: number;
  /** Share of groups whose rewards are all equal: nothing can be learnt from them. */
  readonly frac_reward_zero_std: number;
  /** Mean, in tokens. */
  readonly completion_length: number;
  /** Share of completions that ran out of room. */
  readonly truncated_ratio: number;
}

/** One thing that happened. `step` counts finished steps, `tokens` sampled tokens. */
export type GrpoEvent<P extends Problem> =
  | {
    readonly type: "rollout";
    /** Of the batch's first update. */
    readonly step: number;
    readonly sampled_tokens: number;
    readonly completions: readonly GradedCompletion<P>[];
  }
  | (
    & {
      readonly type: "step";
      readonly step: number;
      readonly tokens: number;
      /** Problems and completions seen so far. */
      readonly problems: number;
      readonly episodes: number;
      readonly trained_tokens: number;
      readonly learning_rate: number;
    }
    & RolloutMetrics
    & GrpoMetrics
  )
  | {
    readonly type: "eval";
    readonly step: number;
    readonly tokens: number;
    readonly accuracy: number;
    /** 95 % interval of the accuracy (Wilson). */
    readonly accuracy_low: number;
    readonly accuracy_high: number;
    readonly eval_problems: number;
    readonly eval_completion_length: number;
  }
  | { readonly type: "checkpoint"; readonly state: TrainingState }
  | { readonly type: "end"; readonly step: number; readonly reason: EndReason };

/** What a checkpoint keeps beside the parameters. */
interface GrpoCursor {
  readonly problems: unknown;
  readonly seen: number;
  /** Whether any completion has ever been rewarded. */
  readonly rewarded: boolean;
}

/** A run whose every reward was 0. */
export class NoRewardError extends Error {
  override readonly name = "NoRewardError";
  constructor(readonly step: number, readonly episodes: number) {
    super(
      `Cannot learn anything: none of ${episodes} completions in ${step} steps was rewarded; start ` +
        `from a model that is right some of the time, or raise max_steps_without_reward`,
    );
  }
}

const STREAM_EVAL = 0xffffffff;

/**
 * Trains, yielding events in the order of their steps.
 *
 * @throws {DivergedError} when a loss or norm is not finite.
 * @throws {NoRewardError} after `max_steps_without_reward` steps without any.
 */
export async function* trainGrpo<P extends Problem>(
  options: GrpoOptions<P>,
): AsyncGenerator<GrpoEvent<P>> {
  const { model, generator, problems, evalProblems, optimizer, resume, signal } = options;
  const { batch_size, num_generations, max_completion_length, seed } = options;
  let reference: ReferenceModel | undefined;
  let policy: GrpoStep | undefined;
  let step = resume?.step ?? 0;
  let tokens = resume?.tokens ?? 0;
  let seen = 0;
  let rewarded = false;
  // The order matters: the reference is the model as it was before anything was learnt.
  if (options.beta > 0 || options.log_kl) reference = await referenceModel(model);
  if (resume) {
    const cursor = resume.cursor as GrpoCursor;
    model.trainable.restore(resume.arrays);
    problems.seek(cursor.problems);
    ({ seen, rewarded } = cursor);
  }

  const evaluate = async (): Promise<GrpoEvent<P>> => {
    const completions = await generator.generate(evalProblems!.map(({ prompt }) => prompt), {
      temperature: options.eval_temperature,
      max_new_tokens: max_completion_length,
      stop_token_ids: options.stopTokens,
      seed,
      stream: STREAM_EVAL,
    });
    const right = options.grade(evalProblems!, completions).filter(({ correct }) => correct).length;
    const [low, high] = wilsonInterval(right, completions.length);
    return {
      type: "eval",
      step,
      tokens,
      accuracy: right / completions.length,
      accuracy_low: low,
      accuracy_high: high,
      eval_problems: completions.length,
      eval_completion_length: lengthOf(completions) / completions.length,
    };
  };
  const checkpoint = async (): Promise<GrpoEvent<P>> => {
    const cursor: GrpoCursor = { problems: problems.cursor(), seen, rewarded };
    const arrays = await model.trainable.state();
    return { type: "checkpoint", state: { step, tokens, cursor, arrays } };
  };

  try {
    policy = new GrpoStep(model, options.tokensPerBatch, {
      ...options,
      gradientCheckpointing: options.gradient_checkpointing ?? false,
      accumulation: options.gradient_accumulation_steps ?? 1,
      reference,
    });
    let reason: EndReason = "max_steps";
    let saved = step;
    if (evalProblems && !resume) yield await evaluate();
    while (step < options.max_steps) {
      if (signal?.aborted) {
        reason = "aborted";
        break;
      }
      const position = problems.cursor();
      const group = problems.next(batch_size / num_generations);
      if (!group) {
        reason = "end_of_data";
        break;
      }
      const completions = await generator.generate(group.map(({ prompt }) => prompt), {
        temperature: options.temperature,
        max_new_tokens: max_completion_length,
        num_generations,
        stop_token_ids: options.stopTokens,
        seed,
        stream: step,
      });
      if (signal?.aborted) {
        // Nothing was learnt from them yet: the same ones come again after a resume.
        problems.seek(position);
        reason = "aborted";
        break;
      }
      const asked = group.flatMap((problem) => Array<P>(num_generations).fill(problem));
      const grades = options.grade(asked, completions);
      const rewards = grades.map(({ reward }) => reward);
      const advantages = groupAdvantages(rewards, num_generations, options.scale_rewards);
      const graded = completions.map((completion, i) => ({
        problem: asked[i]!,
        completion,
        grade: grades[i]!,
        advantage: advantages[i]!,
      }));
      const sampled_tokens = lengthOf(completions);
      seen += group.length;
      tokens += sampled_tokens;
      rewarded ||= rewards.some((reward) => reward !== 0);
      yield { type: "rollout", step: step + 1, sampled_tokens, completions: graded };

      const rollouts = graded.map((one) => ({ ...one, prompt: one.problem.prompt }));
      const batches = layOutRollouts(rollouts, options, options.tokensPerBatch);
      const about = rolloutMetrics(rewards, completions, num_generations);
      // A checkpoint falls between batches of completions, so that none has to be stored.
      let saveDue = false;
      for (let i = 0; i < options.num_iterations && step < options.max_steps; i++) {
        step++;
        const scheduled = optimizerAt(optimizer, step, options.max_steps);
        const metrics = await policy.run(batches, scheduled, step);
        if (!Number.isFinite(metrics.loss) || !Number.isFinite(metrics.grad_norm)) {
          throw new DivergedError(step, metrics.loss, metrics.grad_norm);
        }
        yield {
          type: "step",
          step,
          tokens,
          problems: seen,
          episodes: seen * num_generations,
          trained_tokens: batches.reduce((sum, batch) => sum + batch.counted, 0),
          learning_rate: scheduled.learning_rate,
          ...about,
          ...metrics,
        };
        saveDue ||= step % options.save_steps === 0;
        if (evalProblems && isDue(step, options.eval_steps)) yield await evaluate();
      }
      const patience = options.max_steps_without_reward;
      if (patience > 0 && step >= patience && !rewarded) {
        throw new NoRewardError(step, seen * num_generations);
      }
      if (saveDue) {
        yield await checkpoint();
        saved = step;
      }
    }
    const evaluated = step === 0 || isDue(step, options.eval_steps);
    if (evalProblems && !evaluated && reason !== "aborted") yield await evaluate();
    if (saved !== step || step === 0) yield await checkpoint();
    yield { type: "end", step, reason };
  } finally {
    policy?.free();
    reference?.free();
  }
}

function lengthOf(completions: readonly Completion[]): number {
  return completions.reduce((sum, { ids }) => sum + ids.length, 0);
}

function rolloutMetrics(
  rewards: readonly number[],
  completions: readonly Completion[],
  groupSize: number,
): RolloutMetrics {
  const groups = rewards.length / groupSize;
  const silent = Array.from(
    { length: groups },
    (_, g) => rewards.slice(g * groupSize, (g + 1) * groupSize),
  ).filter((group) => group.every((reward) => reward === group[0])).length;
  const truncated = completions.filter((one) => one.finish_reason === "length").length;
  return {
    reward_mean: rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length,
    reward_std: deviation(rewards),
    frac_reward_zero_std: silent / groups,
    completion_length: lengthOf(completions) / completions.length,
    truncated_ratio: truncated / completions.length,
  };
}
