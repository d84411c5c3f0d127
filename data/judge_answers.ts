// What samples of an answer are worth: which are right, and which answer most of them give.

import { verifyBatch } from "../wasm/verify.ts";

/** Samples of one problem, judged. */
export interface JudgedAnswers {
  /** Whether each is right. */
  readonly correct: readonly boolean[];
  /** What each says in the end, as it was read; null where no answer was found. */
  readonly answers: readonly (string | null)[];
}

/** Judges samples against the right answer; undefined where that cannot be read, which is not their fault. */
export function judgeAnswers(gold: string, samples: readonly string[]): JudgedAnswers | undefined {
  const verdicts = verifyBatch(samples.map((prediction) => ({ gold, prediction })));
  if (verdicts[0]?.gold_parsed === null) return undefined;
  return {
    correct: verdicts.map(({ equal }) => equal),
    answers: verdicts.map(({ prediction_parsed }) => prediction_parsed),
  };
}

/**
 * Whether the answer that most of the first k samples give is the right one (Wang et al. 2023, "self-consistency").
 * All right answers are one answer, wrong ones are told apart by how they are read; what has no answer does not
 * vote; of equally many the one that came first wins.
 */
export function majorityIsRight({ correct, answers }: JudgedAnswers, k: number): boolean {
  const RIGHT = Symbol();
  const votes = new Map<string | symbol, number>();
  for (let i = 0; i < k; i++) {
    const answer = correct[i] ? RIGHT : answers[i]!;
    if (answer !== null) votes.set(answer, (votes.get(answer) ?? 0) + 1);
  }
  let winner: string | symbol | undefined;
  for (const [answer, count] of votes) {
    if (winner === undefined || count > votes.get(winner)!) winner = answer;
  }
  return winner === RIGHT;
}
