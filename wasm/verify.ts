/**
 * The math-answer verifier: whether a prediction says what the gold answer says.
 *
 * ```ts
 * verify("$\\frac12$", "So the answer is \\boxed{0.5}.").equal; // true
 * ```
 *
 * It finds the answer in a whole completion, reads it as LaTeX or plain math, and compares exactly
 * where it can, by evaluation at random points otherwise. Options have the names and meaning of
 * Math-Verify's.
 */

import { startCore } from "./core_module.ts";
import { verify_batch } from "./pkg/core/noregret_core.js";

/** Languages whose way of announcing an answer is known. */
export const ANSWER_LANGUAGES = [
  "english",
  "arabic",
  "chinese",
  "czech",
  "dutch",
  "french",
  "german",
  "greek",
  "hebrew",
  "hindi",
  "indonesian",
  "italian",
  "japanese",
  "korean",
  "polish",
  "portuguese",
  "romanian",
  "russian",
  "spanish",
  "swedish",
  "thai",
  "turkish",
  "ukrainian",
  "vietnamese",
] as const;

/** One of {@linkcode ANSWER_LANGUAGES}. */
export type AnswerLanguage = typeof ANSWER_LANGUAGES[number];

/** What is looked for, and how it is compared. */
export interface VerifyOptions {
  /** Kinds of answers. @default {["latex", "expr"]} */
  targets?: readonly ("latex" | "expr" | "string")[];
  /** Decimals at which a decimal number is compared. @default {6} */
  precision?: number;
  /** 0 takes a box before everything else, −1 ignores boxes. @default {50} */
  boxed_match_priority?: number;
  /** Whether the names of variables count. @default {true} */
  strict?: boolean;
  /** Whether an inequality may answer where the gold is a set. @default {false} */
  allow_set_relation_comp?: boolean;
  /** Whether to go on after a first match that cannot be read. @default {"any_match"} */
  extraction_mode?: "first_match" | "any_match";
  /** Whether a formula that cannot be read is compared as text. @default {"first_match"} */
  fallback_mode?: "first_match" | "no_fallback";
  /** What the target "string" looks for. @default {["A", "B", "C", "D"]} */
  strings?: readonly string[];
  /** Whether their case is ignored. @default {true} */
  lowercase?: boolean;
  /** Only this language's words for "answer" announce one; by default every known language's. */
  language?: AnswerLanguage;
  /** Only what follows it in the prediction counts. */
  reasoning_delimiter?: string;
}

/** Two answers to compare. */
export interface VerifyItem {
  /** The right answer: a formula in `$…$`, or a whole solution. */
  gold: string;
  /** What a model wrote. */
  prediction: string;
  /** How to compare these two. */
  options?: VerifyOptions;
}

/**
 * What made two answers equal: the same tree; the same number by exact arithmetic; the same
 * polynomial, rational function or other canonical form; …
 */
export type VerifyRule =
  | "identical"
  | "exact"
  | "canonical"
  | "rounded"
  | "percent"
  | "numeric"
  | "relation"
  | "set"
  | "tuple"
  | "matrix"
  | "text";

/** The verdict on one item. */
export interface Verdict {
  /** Whether they are equal. */
  equal: boolean;
  /** What made them equal; null if they are not. */
  rule: VerifyRule | null;
  /** How sure that is, from 0 to 1. */
  confidence: number;
  /** The relative error within which values were equal, where evaluation had a part in it. */
  error_bound?: number;
  /** The gold answer as it was read; null if there is none. */
  gold_parsed: string | null;
  /** The prediction's answer as it was read; null if there is none. */
  prediction_parsed: string | null;
  /** Why nothing could be compared. */
  error?: string;
}

let warm = false;

/** Starts the module and warms the verifier up, once. */
function start(): void {
  startCore();
  if (warm) return;
  warm = true;
  const items = JSON.stringify(WARM_UP.map(([gold, prediction]) => ({ gold, prediction })));
  for (let k = 0; k < WARM_UP_ROUNDS; k++) verify_batch(items);
}

/** Compares each item; one that is malformed gets an `error` and is not equal. */
export function verifyBatch(items: readonly VerifyItem[]): Verdict[] {
  start();
  return JSON.parse(verify_batch(JSON.stringify(items)));
}

/** Compares one prediction with its gold answer. */
export function verify(gold: string, prediction: string, options?: VerifyOptions): Verdict {
  return verifyBatch([options ? { gold, prediction, options } : { gold, prediction }])[0]!;
}

/** What a reward takes besides the verifier's own options. */
export interface RewardOptions extends VerifyOptions {
  /** Added where the prediction has an answer in a box, right or wrong. @default {0} */
  format?: number;
}

/**
 * A reward for reinforcement learning: 1 for the right answer, else 0, and `format` on top.
 *
 * @returns null where the gold text has no answer to compare with: such a problem teaches nothing
 *   and is to be skipped, not rewarded with 0
 */
export function mathReward(
  gold: string,
  prediction: string,
  { format = 0, ...options }: RewardOptions = {},
): number | null {
  const verdict = verify(gold, prediction, options);
  if (verdict.gold_parsed === null) return null;
  return Number(verdict.equal) + (BOX.test(prediction) ? format : 0);
}

/** An answer in a box, as the verifier looks for it. */
const BOX = /\\(boxed|fbox)\s*\{/;

/** Answers of every kind, which the engine compiles its code on before the first call counts. */
const WARM_UP = [
  ["$\\frac12$", "We add $1/4 + 1/4$, so the answer is \\boxed{0.5}."],
  ["$2\\sqrt{3}$", "Since $\\sqrt{12} = \\sqrt{4 \\cdot 3}$, we get $\\boxed{\\sqrt{12}}$."],
  ["$x^2+2x+1$", "\\[ (x+1)^2 = x^2 + 2x + 1 \\] Final Answer: The final answer is $(x+1)^2$."],
  ["$\\frac{x^2-1}{x-1}$", "It simplifies to \\(x + 1\\)"],
  ["$(1, \\frac{\\pi}{2})$", "The pair $(x, y)$ is $\\boxed{(1, \\pi/2)}$."],
  ["$\\{1, 2, 3\\}$", "$x = 1$, $x = 2$ or $x = 3$, so the set is $\\{3, 2, 1\\}$"],
  ["$(-\\infty, 2] \\cup (3, \\infty)$", "$x \\le 2$ or $x > 3$"],
  ["$2x + 4y = 6$", "The line is \\boxed{y = -\\frac{1}{2}x + \\frac{3}{2}}."],
  [
    "$\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}$",
    "$\\begin{bmatrix}1&2\\\\3&4\\end{bmatrix}$",
  ],
  ["$\\sin 2x$", "$2 \\sin x \\cos x$"],
  ["$\\sin\\frac{\\pi}{7} + e^{x} \\ln 3$", "$e^x \\log 3 + \\cos 0.3$"],
  ["$\\int_0^1 x^2 dx$", "#### 1/3"],
  ["$\\sum_{k=1}^{10} k$", "The sum is **55**."],
  ["$\\binom{10}{3}$", "There are $\\frac{10!}{3! 7!} = 120$ ways."],
  ["$3 + 4i$", "$\\frac{25}{3 - 4i}$"],
  ["$50\\%$", "The probability is 0.5, or 50 percent."],
  ["$1,234.5$", "The total cost is \\$1234.50"],
  ["$0.\\overline{3}$", "That is about 0.333"],
  ["C", "The answer is (C) because $5 \\text{ cm} > 3 \\text{ cm}$"],
  ["$2^{100} - 1$", "$1267650600228229401496703205375$"],
] as const;
const WARM_UP_ROUNDS = 12;
