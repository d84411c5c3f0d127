// Problems with answers that can be verified: what a policy is asked, and what its answer is held
// against. Reads the schemas of GSM8K, MATH and DeepMath, and those of the generated datasets.

import type { Dataset } from "../runs/spec/dataset.ts";
import type { Tokenizer } from "./byte_tokenizer.ts";
import { IGNORED_TARGET } from "./example.ts";
import { datasetRows } from "./load.ts";
import type { JsonRow } from "./row_shape.ts";
import { rowExamples } from "./rows.ts";

/** A problem. */
export interface Problem {
  /** The question as it is written, without a chat template. */
  readonly prompt: string;
  /** The right answer as the verifier takes it: a formula in `$…$`. */
  readonly gold: string;
  /** How hard it is, in the words of its dataset: `2`, `Level 5`, `6.5`. */
  readonly level?: string;
  /** What it is about. */
  readonly topic?: string;
}

/**
 * The problem of a row: `question` or `problem`, with the answer in `final_answer` (DeepMath), after
 * `####` (GSM8K), in the last `\boxed{}` of `solution` or `answer` (MATH), or in a short `answer`
 * of one line.
 *
 * @returns undefined where the row has no question or no answer that can be told from its solution.
 */
export function problemOf(row: JsonRow): Problem | undefined {
  const prompt = text(row.question) ?? text(row.problem);
  const answer = text(row.final_answer) ?? finalAnswer(text(row.answer)) ??
    finalAnswer(text(row.solution));
  if (prompt === undefined || answer === undefined) return undefined;
  const level = text(row.level) ?? text(row.difficulty);
  const topic = text(row.topic) ?? text(row.type) ?? text(row.subject);
  return {
    prompt,
    gold: `$${answer}$`,
    ...(level !== undefined && { level }),
    ...(topic !== undefined && { topic }),
  };
}

/**
 * Reads a dataset as problems; rows without a verifiable answer are passed over.
 *
 * @returns undefined where an evaluation set is asked for and the dataset holds nothing out.
 * @throws {RangeError} if no row has an answer, and as `datasetRows()` does.
 */
export async function loadProblems(
  dataset: Exclude<Dataset, { inline: unknown }>,
  options: { readonly purpose: "train" | "test"; readonly folder: string },
): Promise<Problem[] | undefined> {
  const found = await datasetRows(dataset, options);
  if (found === undefined) return undefined;
  const problems = found.rows.flatMap((row) => problemOf(row) ?? []);
  if (problems.length > 0) return problems.slice(0, found.limit);
  throw new RangeError(
    `Cannot verify answers to ${found.name}: none of its ${found.rows.length} rows has one, ` +
      `expected "question" or "problem" with "answer", "solution" or "final_answer"`,
  );
}

/**
 * The ids that a policy goes on from: those which fine-tuning on a row of this question does not count,
 * so that both condition on the same.
 */
export function promptIds(prompt: string, tokenizer: Tokenizer): Uint32Array {
  const rules = { tokenizer, maxLength: 2 ** 30, completionOnly: true };
  const [example] = rowExamples({ question: prompt, answer: "0" }, rules, "a problem");
  const first = example!.targets.findIndex((target) => target !== IGNORED_TARGET);
  return example!.ids.slice(0, first + 1);
}

/** The answer that a solution ends in. */
function finalAnswer(solution: string | undefined): string | undefined {
  if (solution === undefined) return undefined;
  const marked = solution.lastIndexOf("####");
  if (marked >= 0) return solution.slice(marked + 4).trim() || undefined;
  if (solution.includes("\\boxed")) return lastBox(solution);
  const short = solution.trim().replace(/^\$([^$]*)\$$/, "$1");
  return short !== "" && short.length <= 100 && !short.includes("\n") ? short : undefined;
}

/** What is inside the last `\boxed{…}`, braces balanced. */
function lastBox(text: string): string | undefined {
  const open = text.lastIndexOf("\\boxed{");
  if (open < 0) return undefined;
  const start = open + "\\boxed{".length;
  for (let at = start, depth = 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "{") depth++;
    else if (text[at] === "}" && --depth === 0) return text.slice(start, at).trim() || undefined;
  }
  return undefined;
}

function text(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}
