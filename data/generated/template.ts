// A word problem as data: its text with slots, how its numbers are drawn, and the steps that solve it.
//
// A slot `{name}` is a drawn word or a number; a step's slot `{x=a+b}` is a calculation, whose result
// later steps may name. The last calculation is the answer.

import type { Draw } from "./draw.ts";
import { evaluate, substitute, type Values } from "./expression.ts";
import { drawWords, type Words } from "./words.ts";

/**
 * How a number is found: an integer between two bounds, one of a list, or an expression of the numbers
 * before it. Bounds may be expressions too.
 */
export type Numbers =
  | readonly [low: number | string, high: number | string]
  | { readonly of: readonly number[] }
  | string;

/** A word problem before its words and numbers are drawn. */
export interface Template {
  readonly topic: string;
  /** In the order in which they are drawn. */
  readonly numbers: Readonly<Record<string, Numbers>>;
  readonly question: string;
  readonly steps: readonly string[];
}

/** Templates of one level: those of the `train` split, and those that only `test` has. */
export interface Level {
  readonly train: readonly Template[];
  readonly test: readonly Template[];
}

/** A problem with its solution. */
export interface WordProblem {
  readonly question: string;
  /** The steps, each in a line's words. */
  readonly steps: readonly string[];
  /** The calculations alone, such as `3+4=7`. */
  readonly calculations: readonly string[];
  readonly answer: number;
}

/**
 * Draws a problem.
 *
 * @param annotate write a calculation as GSM8K does, `3+4=<<3+4=7>>7`, else as `3+4=7`.
 */
export function drawProblem(template: Template, draw: Draw, annotate: boolean): WordProblem {
  const words = drawWords(draw);
  const values: Record<string, number> = {};
  for (const [name, numbers] of Object.entries(template.numbers)) {
    values[name] = drawNumber(numbers, values, draw);
  }
  const question = fill(template.question, words, values);
  const calculations: string[] = [];
  const steps = template.steps.map((step) => {
    const calculated = step.replace(/\{(\w+)=([^}]+)\}/g, (_, name, expression) => {
      values[name] = evaluate(expression, values);
      const left = substitute(expression, values);
      calculations.push(`${left}=${values[name]}`);
      return annotate ? `${left}=<<${left}=${values[name]}>>${values[name]}` : calculations.at(-1)!;
    });
    return fill(calculated, words, values);
  });
  return { question, steps, calculations, answer: Number(calculations.at(-1)!.split("=")[1]) };
}

function drawNumber(numbers: Numbers, values: Values, draw: Draw): number {
  if (typeof numbers === "string") return evaluate(numbers, values);
  if ("of" in numbers) return draw.one(numbers.of);
  const [low, high] = numbers.map((bound) =>
    typeof bound === "number" ? bound : evaluate(bound, values)
  ) as [number, number];
  return draw.integer(low, high);
}

function fill(text: string, words: Words, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = words[name] ?? values[name];
    if (value === undefined) throw new RangeError(`Cannot fill "${text}": no slot "${name}"`);
    return String(value);
  });
}
