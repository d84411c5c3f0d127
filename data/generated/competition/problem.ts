// The form of a competition problem's template.

import type { Draw } from "../draw.ts";

/** Subjects, as MATH names them in `type`. */
export type Subject =
  | "Prealgebra"
  | "Algebra"
  | "Number Theory"
  | "Counting & Probability"
  | "Geometry"
  | "Intermediate Algebra"
  | "Precalculus";

/** What a template makes: a solution in words, then its answer in LaTeX. */
export interface Made {
  readonly problem: string;
  /** What leads to the answer, with a full stop. */
  readonly because: string;
  readonly answer: string;
}

/** A problem before its numbers are drawn. */
export interface CompetitionTemplate {
  readonly subject: Subject;
  readonly level: 1 | 2 | 3 | 4 | 5;
  /** Only `test` has it. */
  readonly heldOut?: true;
  readonly make: (draw: Draw) => Made;
}
