// Grade-school problems in the schema of GSM8K (Cobbe et al. 2021): `question`, and an `answer` of steps
// that ends in `#### 42`; with `level` and `topic` beside them. Generated, not GSM8K's own: they stand in
// for it where it cannot be had.

import { Draw } from "./draw.ts";
import { LEVEL_1 } from "./grade_school/level_1.ts";
import { LEVEL_2 } from "./grade_school/level_2.ts";
import { LEVEL_3 } from "./grade_school/level_3.ts";
import { LEVEL_4 } from "./grade_school/level_4.ts";
import { generateRows } from "./rows.ts";
import { drawProblem, type Level, type WordProblem } from "./template.ts";

/** A row. */
export interface GradeSchoolRow {
  readonly question: string;
  readonly answer: string;
  readonly level: number;
  readonly topic: string;
}

/** The templates of each level, from level 1 on. */
export const LEVELS: readonly Level[] = [LEVEL_1, LEVEL_2, LEVEL_3, LEVEL_4];

/** A drawn problem with what is known of it. */
export type GradedProblem = WordProblem & { readonly level: number; readonly topic: string };

/** Draws a problem of one of the levels: every level is as likely as another. */
export function gradeSchoolProblem(
  levels: readonly number[],
  split: "train" | "test",
  draw: Draw,
): GradedProblem {
  const level = draw.one(levels);
  const template = draw.one(LEVELS[level - 1]![split]);
  // Level 1 is for the smallest models: a calculation is written once.
  return { ...drawProblem(template, draw, level > 1), level, topic: template.topic };
}

/** What stands in place of an answer that was given up. */
const GIVEN_UP = "I give up.";

/**
 * Rows of one level with about half of the answers given up: who learns from them is right some of the
 * time, and can learn from rewards to try.
 */
export function halfSolved(
  level: number,
): (split: "train" | "test", count: number) => Iterable<GradeSchoolRow> {
  return (split, count) =>
    generateRows(`half-solved ${level} ${split}`, count, (draw) => {
      const problem = gradeSchoolProblem([level], split, draw);
      const { question, steps, topic } = problem;
      const solved = draw.integer(0, 1) === 1;
      const answer = solved ? [...steps, `#### ${problem.answer}`].join("\n") : GIVEN_UP;
      return { question, answer, level, topic };
    }, ({ question }) => question);
}

/** Rows of the given levels. The templates of `test` do not occur in `train`. */
export function gradeSchool(
  levels: readonly number[],
): (split: "train" | "test", count: number) => Iterable<GradeSchoolRow> {
  return (split, count) =>
    generateRows(`grade-school ${levels} ${split}`, count, (draw) => {
      const { question, steps, answer, level, topic } = gradeSchoolProblem(levels, split, draw);
      return { question, answer: [...steps, `#### ${answer}`].join("\n"), level, topic };
    }, ({ question }) => question);
}
