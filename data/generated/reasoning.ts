// Reasoning traces in the schema of OpenThoughts3 (Guha et al. 2025): `conversations` in ShareGPT's form,
// with `difficulty`, `source` and `domain`. A trace thinks between `<think>` and `</think>`, now and then
// errs and mends it, checks itself, and ends with the answer in a box. Generated from the problems of
// this folder: the traces stand in for OpenThoughts' where those cannot be had.

import { competitionProblem, solutionOf } from "./competition.ts";
import type { Draw } from "./draw.ts";
import { gradeSchoolProblem } from "./grade_school.ts";
import { generateRows } from "./rows.ts";

/** A row. */
export interface ReasoningRow {
  readonly conversations: readonly [Turn<"human">, Turn<"gpt">];
  /** From 1 to 5. */
  readonly difficulty: number;
  readonly source: string;
  readonly domain: "math";
}

/** What one speaker says. */
export interface Turn<Speaker> {
  readonly from: Speaker;
  readonly value: string;
}

const OPENINGS = ["Okay, let me see.", "Let me work this out.", "Let me read this carefully."];
const ORDER = [["First,", "To begin with,"], ["Next,", "Then,"], ["After that,", "Then again,"]];
const CHECKS = ["Let me check that once more:", "Is that right? Again:", "To be sure:"];

/** Rows. The problems' templates in `test` do not occur in `train`. */
export function reasoning(split: "train" | "test", count: number): Iterable<ReasoningRow> {
  return generateRows(
    `reasoning ${split}`,
    count,
    (draw) => draw.integer(0, 1) === 0 ? wordTrace(split, draw) : competitionTrace(split, draw),
    ({ conversations: [question] }) => question.value,
  );
}

function wordTrace(split: "train" | "test", draw: Draw): ReasoningRow {
  const problem = gradeSchoolProblem([2, 3, 4], split, draw);
  const { question, steps, calculations, answer, level, topic } = problem;
  const plain = steps.map((step) => step.replace(/<<[^>]*>>/g, ""));
  const asked = question.slice(question.lastIndexOf(". ") + 2);
  const thought = [`${draw.one(OPENINGS)} The question is: ${asked}`];
  plain.forEach((step, index) => {
    const words = draw.one(ORDER[Math.min(index, ORDER.length - 1)]!);
    thought.push(`${words} ${uncapitalised(step)}`);
    const [left, right] = calculations[index]!.split("=") as [string, string];
    if (draw.integer(0, 5) === 0) {
      const wrong = Number(right) + draw.one([-10, -1, 1, 10]);
      thought.push(`Wait, could ${left} be ${wrong}? No, ${left} is ${right}.`);
    }
  });
  thought.push(`${draw.one(CHECKS)} ${calculations.join(", ")}. So the answer is ${answer}.`);
  const said = `${plain.join(" ")}\n\nThe answer is $\\boxed{${answer}}$.`;
  return row(question, thought, said, level, `noregret/grade-school ${topic}`);
}

function competitionTrace(split: "train" | "test", draw: Draw): ReasoningRow {
  const { template, made } = competitionProblem(split, draw);
  const thought = [
    `${draw.one(OPENINGS)} This is a problem of ${template.subject.toLowerCase()}.`,
    `${draw.one(ORDER[0]!)} what do I know? ${made.because}`,
    `${draw.one(CHECKS)} the answer is $${made.answer}$, which fits what is asked.`,
  ];
  const source = `noregret/competition ${template.subject}`;
  return row(made.problem, thought, solutionOf(made), template.level, source);
}

function row(
  question: string,
  thought: readonly string[],
  said: string,
  difficulty: number,
  source: string,
): ReasoningRow {
  const value = `<think>\n${thought.join("\n")}\n</think>\n\n${said}`;
  return {
    conversations: [{ from: "human", value: question }, { from: "gpt", value }],
    difficulty,
    source,
    domain: "math",
  };
}

/** A sentence that goes on after "First,": names keep their capital. */
function uncapitalised(sentence: string): string {
  const common =
    /^(The|A|An|It|In|On|At|By|With|After|Each|Together|So|Now|Then|There|They|He|She|One|All|That)\b/;
  return common.test(sentence) ? sentence[0]!.toLowerCase() + sentence.slice(1) : sentence;
}
