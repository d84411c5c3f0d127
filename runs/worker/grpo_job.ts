// A reinforcement-learning run as its job tells it: the trainer's events with speeds, and some of the
// completions in words.

import type { Model } from "../../compute/models/model.ts";
import { createGenerator } from "../../compute/train/generate.ts";
import type { GeneratorOptions } from "../../compute/train/generation.ts";
import { type GradedCompletion, trainGrpo } from "../../compute/train/grpo.ts";
import type { TrainingState } from "../../compute/train/sft.ts";
import type { GrpoTask } from "../spec/grpo.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import type { JobEvent } from "./job_events.ts";
import { answerText, type PolicyData, type PolicyProblem } from "./policy_data.ts";

/** Trains by a spec's `grpo` task. `sampler` is what its memory was planned for. */
export async function* grpoJob(
  spec: RunSpec,
  task: GrpoTask,
  data: PolicyData,
  model: Model,
  sampler: GeneratorOptions,
  resume: TrainingState | undefined,
  signal: AbortSignal,
): AsyncGenerator<JobEvent> {
  const { batch_size } = spec;
  const length = data.longestPrompt + task.max_completion_length;
  const generator = createGenerator(model, sampler);
  const { kind: _, dataset: _1, eval_dataset: _2, warm_up: _3, ...options } = task;
  const events = trainGrpo<PolicyProblem>({
    ...options,
    epsilon_high: task.epsilon_high ?? task.epsilon,
    model,
    generator,
    problems: data.loader,
    grade: data.grade,
    evalProblems: data.evalProblems,
    stopTokens: [data.tokenizer.eosId],
    batch_size,
    tokensPerBatch: Math.ceil(batch_size / spec.gradient_accumulation_steps) * length,
    gradient_accumulation_steps: spec.gradient_accumulation_steps,
    optimizer: spec.optimizer,
    seed: spec.seed,
    max_steps: data.steps,
    eval_steps: spec.eval_steps,
    save_steps: spec.save_steps,
    gradient_checkpointing: spec.gradient_checkpointing,
    resume,
    signal,
  });
  let mark = performance.now();
  /** Seconds since the last event, or since whatever was done with it. */
  const lap = () => (performance.now() - mark) / 1000;
  let sampling: { seconds: number; tokens: number; problems: number } | undefined;
  try {
    for await (const event of events) {
      switch (event.type) {
        case "rollout": {
          const problems = event.completions.length / task.num_generations;
          sampling = { seconds: lap(), tokens: event.sampled_tokens, problems };
          const due = event.step === 1 || event.step % spec.logging_steps === 0;
          const shown = event.completions.slice(0, task.num_completions_to_log);
          if (due && shown.length > 0) {
            const completions = shown.map((one) => inWords(one, data));
            yield { type: "completions", data: { step: event.step, completions } };
          }
          break;
        }
        case "step": {
          const { type, trained_tokens, ...point } = event;
          const { step, tokens } = event;
          const seconds = lap();
          const rates = {
            training_tokens_per_s: Math.round(trained_tokens / seconds),
            // Further updates on the same completions sample nothing.
            ...(sampling && {
              sampling_tokens_per_s: Math.round(sampling.tokens / sampling.seconds),
              problems_per_s: round(sampling.problems / (sampling.seconds + seconds)),
              tokens_per_s: Math.round(sampling.tokens / (sampling.seconds + seconds)),
            }),
          };
          sampling = undefined;
          const measured = { ...point, ...rates };
          const { tokens_per_s } = rates;
          const progress = {
            step,
            max_steps: data.steps,
            tokens,
            ...(tokens_per_s !== undefined && { tokens_per_s }),
          };
          yield { type, data: measured, point: measured, progress };
          break;
        }
        case "eval": {
          const { type, ...point } = event;
          yield { type, data: point, point };
          break;
        }
        default:
          yield event;
      }
      mark = performance.now();
    }
  } finally {
    generator.free();
  }
}

function inWords(
  { problem, completion, grade, advantage }: GradedCompletion<PolicyProblem>,
  { tokenizer }: PolicyData,
): Record<string, unknown> {
  return {
    prompt: problem.question,
    completion: answerText(completion, tokenizer),
    gold: problem.gold,
    ...grade,
    advantage,
    tokens: completion.ids.length,
    finish_reason: completion.finish_reason,
  };
}

const round = (value: number) => Number(value.toPrecision(4));
