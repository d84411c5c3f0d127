// The problems of a grpo spec: what its policy is asked, what it is measured on, and who judges.

import type { Completion } from "../../compute/train/generation.ts";
import type { Grade } from "../../compute/train/grpo.ts";
import type { Tokenizer } from "../../data/byte_tokenizer.ts";
import { gradeAnswers, prepareProblems } from "../../data/math_task.ts";
import { modelTokenizer } from "../../data/model_tokenizer.ts";
import { ProblemLoader } from "../../data/problem_loader.ts";
import { loadProblems, type Problem } from "../../data/problems.ts";
import type { GrpoTask, ProblemDataset } from "../spec/grpo.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import type { ModelFolder } from "./stored_models.ts";

/** A problem with its prompt's ids. */
export interface PolicyProblem extends Omit<Problem, "prompt"> {
  readonly prompt: Uint32Array;
  /** The prompt as text. */
  readonly question: string;
}

/** What a policy is trained and measured on. */
export interface PolicyData {
  readonly loader: ProblemLoader<PolicyProblem>;
  /** Undefined where nothing is held out. */
  readonly evalProblems: readonly PolicyProblem[] | undefined;
  readonly tokenizer: Tokenizer;
  readonly longestPrompt: number;
  /** Problems that were passed over, by the reason. */
  readonly skipped: { readonly unverifiable: number; readonly too_long: number };
  /** Updates that the run will make. */
  readonly steps: number;
  grade(problems: readonly PolicyProblem[], completions: readonly Completion[]): Grade[];
}

/** Loads a spec's problems. `folder` holds the dataset files. */
export async function loadPolicyData(
  spec: RunSpec,
  task: GrpoTask,
  { config, folder: modelFolder }: ModelFolder,
  folder: string,
): Promise<PolicyData> {
  const tokenizer = await modelTokenizer(modelFolder);
  const room = config.max_position_embeddings - task.max_completion_length;
  const maxPromptLength = Math.min(task.max_prompt_length, room);
  const prepare = (problems: readonly Problem[]) => {
    const prepared = prepareProblems(problems, tokenizer, maxPromptLength);
    const own = prepared.problems.map(({ ids, prompt, ...rest }): PolicyProblem => ({
      ...rest,
      prompt: ids,
      question: prompt,
    }));
    return { ...prepared, problems: own };
  };
  const training = prepare((await loadProblems(task.dataset, { purpose: "train", folder }))!);
  const held = await loadProblems(task.eval_dataset ?? withoutSplit(task.dataset), {
    purpose: task.eval_dataset === undefined || isNamed(task.eval_dataset) ? "test" : "train",
    folder,
  });
  const evalProblems = held && prepare(held).problems;
  const loader = new ProblemLoader(training.problems, task.num_epochs, spec.seed);
  const perBatch = spec.batch_size / task.num_generations;
  const steps = loader.steps(perBatch) * task.num_iterations;
  if (steps === 0) {
    throw new RangeError(
      `Cannot train: an update takes ${perBatch} problems, ${task.num_epochs} epochs have ` +
        `${training.problems.length * task.num_epochs}`,
    );
  }
  return {
    loader,
    evalProblems,
    tokenizer,
    longestPrompt: [...training.problems, ...evalProblems ?? []]
      .reduce((most, { prompt }) => Math.max(most, prompt.length), 0),
    skipped: { unverifiable: training.unverifiable, too_long: training.tooLong },
    steps: Math.min(spec.max_steps ?? steps, steps),
    grade(problems, completions) {
      const asked = problems.map((problem) => ({ prompt: problem.question, gold: problem.gold }));
      const answers = completions.map((completion) => answerText(completion, tokenizer));
      return gradeAnswers(asked, answers, {
        formatReward: task.format_reward,
        delimiter: task.reasoning_delimiter,
      });
    },
  };
}

/** A completion as text, without the token that ended it. */
export function answerText({ ids, finish_reason }: Completion, tokenizer: Tokenizer): string {
  return tokenizer.decode(finish_reason === "stop" ? ids.subarray(0, -1) : ids);
}

function isNamed(dataset: ProblemDataset): boolean {
  return typeof dataset === "string" || "name" in dataset;
}

// The training set's split and limit are not those of the held-out set.
function withoutSplit(dataset: ProblemDataset): ProblemDataset {
  return typeof dataset === "object" && "name" in dataset ? { name: dataset.name } : dataset;
}
