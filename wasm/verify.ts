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

import { initSync, verify_batch } from "./pkg/core/noregret_core.js";

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

/** What made two answers equal. */
export type VerifyRule =
  | "identical"
  | "exact"
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
  /** The gold answer as it was read; null if there is none. */
  gold_parsed: string | null;
  /** The prediction's answer as it was read; null if there is none. */
  prediction_parsed: string | null;
  /** Why nothing could be compared. */
  error?: string;
}

let ready = false;

/** Instantiates the module, once, from the file beside this one. */
function start(): void {
  if (ready) return;
  const url = new URL("./pkg/core/noregret_core_bg.wasm", import.meta.url);
  initSync({ module: new WebAssembly.Module(Deno.readFileSync(url)) });
  ready = true;
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

/**
 * A reward for reinforcement learning: 1 for the right answer, else 0.
 *
 * @param format Added where the prediction has an answer in a box, right or wrong.
 */
export function mathReward(
  gold: string,
  prediction: string,
  { format = 0, ...options }: VerifyOptions & { format?: number } = {},
): number {
  const right = verify(gold, prediction, options).equal ? 1 : 0;
  return right + (/\\(boxed|fbox)\s*\{/.test(prediction) ? format : 0);
}
