// Mathematics as a task for a policy: prompts as token ids, and the verifier as the judge.

import { verifyBatch } from "../wasm/verify.ts";
import type { Tokenizer } from "./byte_tokenizer.ts";
import { type Problem, promptIds } from "./problems.ts";

/** A problem ready to be asked. */
export interface MathProblem extends Problem {
  /** Its prompt's token ids. */
  readonly ids: Uint32Array;
}

/** Problems that can be asked, and how many can not. */
export interface MathProblems {
  readonly problems: readonly MathProblem[];
  /** Their gold answer cannot be read: it says nothing about a completion. */
  readonly unverifiable: number;
  /** Their prompt is longer than allowed. */
  readonly tooLong: number;
}

/**
 * Tokenises problems and leaves out those that cannot be judged or do not fit.
 *
 * @throws {RangeError} where none is left, saying why.
 */
export function prepareProblems(
  given: readonly Problem[],
  tokenizer: Tokenizer,
  maxPromptLength: number,
): MathProblems {
  // Without the fallback, which would compare what cannot be read as text.
  const options = { fallback_mode: "no_fallback" } as const;
  const verdicts = verifyBatch(given.map(({ gold }) => ({ gold, prediction: gold, options })));
  const verifiable = given.filter((_, i) => verdicts[i]!.gold_parsed !== null);
  if (verifiable.length === 0) {
    throw new RangeError(
      `Cannot reward answers: none of ${given.length} gold answers can be read, ` +
        `the first is ${JSON.stringify(given[0]?.gold)}`,
    );
  }
  const asked = verifiable.map((problem) => ({
    ...problem,
    ids: promptIds(problem.prompt, tokenizer),
  }));
  const problems = asked.filter(({ ids }) => ids.length <= maxPromptLength);
  if (problems.length === 0) {
    const shortest = asked.reduce((least, { ids }) => Math.min(least, ids.length), Infinity);
    throw new RangeError(
      `Cannot ask any problem: the shortest prompt has ${shortest} tokens, ` +
        `there is room for ${maxPromptLength}`,
    );
  }
  return {
    problems,
    unverifiable: given.length - verifiable.length,
    tooLong: asked.length - problems.length,
  };
}

/** What a completion is worth. */
export interface MathGrade {
  readonly reward: number;
  readonly correct: boolean;
}

/** How answers are rewarded. */
export interface GradeRules {
  /** What an answer in a box is worth, right or wrong, beside the 1 for a right answer. */
  readonly formatReward: number;
  /** Only what follows it is the answer; absent: it is looked for everywhere. */
  readonly delimiter?: string | undefined;
}

/** 1 for a right answer, else 0, and what its format is worth. */
export function gradeAnswers(
  problems: readonly Problem[],
  answers: readonly string[],
  { formatReward, delimiter }: GradeRules,
): MathGrade[] {
  const options = delimiter === undefined ? {} : { reasoning_delimiter: delimiter };
  const items = answers.map((prediction, i) => ({ gold: problems[i]!.gold, prediction, options }));
  return verifyBatch(items).map(({ equal }, i) => {
    const boxed = formatReward > 0 && /\\(boxed|fbox)\s*\{/.test(answers[i]!);
    return { reward: (equal ? 1 : 0) + (boxed ? formatReward : 0), correct: equal };
  });
}
