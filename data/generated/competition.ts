// Competition problems in the schema of MATH (Hendrycks et al. 2021): `problem`, `solution` with its
// answer in `\boxed{}`, `level` ("Level 3") and `type`. Generated, not MATH's own: they stand in for it
// where it cannot be had.

import { ALGEBRA } from "./competition/algebra.ts";
import { GEOMETRY } from "./competition/geometry.ts";
import { NUMBER_THEORY } from "./competition/number_theory.ts";
import type { CompetitionTemplate, Made } from "./competition/problem.ts";
import type { Draw } from "./draw.ts";
import { generateRows } from "./rows.ts";

/** A row. */
export interface CompetitionRow {
  readonly problem: string;
  readonly solution: string;
  readonly level: string;
  readonly type: string;
}

/** Every template. */
export const COMPETITION_TEMPLATES: readonly CompetitionTemplate[] = [
  ...ALGEBRA,
  ...NUMBER_THEORY,
  ...GEOMETRY,
];

/** Draws a problem with its template; those of `test` are held out. */
export function competitionProblem(
  split: "train" | "test",
  draw: Draw,
): { template: CompetitionTemplate; made: Made } {
  const templates = COMPETITION_TEMPLATES.filter(({ heldOut }) => (split === "test") === !!heldOut);
  const template = draw.one(templates);
  return { template, made: template.make(draw) };
}

/** The solution's text. */
export function solutionOf({ because, answer }: Made): string {
  return `${because} The answer is $\\boxed{${answer}}$.`;
}

/** Rows. The templates of `test` do not occur in `train`. */
export function competition(split: "train" | "test", count: number): Iterable<CompetitionRow> {
  return generateRows(`competition ${split}`, count, (draw) => {
    const { template, made } = competitionProblem(split, draw);
    return {
      problem: made.problem,
      solution: solutionOf(made),
      level: `Level ${template.level}`,
      type: template.subject,
    };
  }, ({ problem }) => problem);
}
