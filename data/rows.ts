// One row of a jsonl file, in any of the shapes that trainers take, to examples.

import type { Message } from "../wasm/chat_template.ts";
import type { Tokenizer } from "./byte_tokenizer.ts";
import { type Example, exampleOf, IGNORED_LABEL } from "./example.ts";

/** A parsed line. */
export type JsonRow = Readonly<Record<string, unknown>>;

/** Stands between a question and its answer. */
const QUESTION_END = "\n\n";

/** What decides how a row is read. */
export interface RowRules {
  readonly tokenizer: Tokenizer;
  readonly maxLength: number;
  readonly completionOnly: boolean;
}

/**
 * Parses a jsonl text; blank lines are skipped.
 *
 * @throws {SyntaxError} naming the file and line.
 */
export function parseJsonl(text: string, name: string): JsonRow[] {
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch (error) {
      throw new SyntaxError(`Cannot parse ${name}:${index + 1}: ${(error as Error).message}`);
    }
    if (typeof row !== "object" || row === null || Array.isArray(row)) {
      throw new SyntaxError(`Cannot parse ${name}:${index + 1}: expected a JSON object`);
    }
    return [row as JsonRow];
  });
}

/**
 * The examples of a row: `{ input_ids, labels? }`, `{ messages }`, `{ prompt, completion }`,
 * `{ question, answer }`, `{ problem, solution }` or `{ text }`. Messages go through the model's chat template. A text is
 * cut into windows of `maxLength` positions that overlap by the one token which is a target in one
 * and an input in the next, so that every token but the first is counted once.
 *
 * @param where names the row in errors.
 * @throws {RangeError} if the row has none of these shapes, or its ids do not fit.
 */
export function rowExamples(row: JsonRow, rules: RowRules, where: string): Example[] {
  const { tokenizer, maxLength, completionOnly } = rules;
  if (row.input_ids !== undefined) return [idsExample(row, rules, where)];
  if (Array.isArray(row.messages)) return conversation(row.messages, rules, where);
  const asked = promptAndCompletion(row);
  if (asked) {
    const prompt = tokenizer.encode(asked.prompt);
    const completion = tokenizer.encode(asked.completion);
    const tokens = [...prompt, ...completion, tokenizer.eosId].slice(0, maxLength + 1);
    const labels = tokens.map((token, i) =>
      completionOnly && i < prompt.length ? IGNORED_LABEL : token
    );
    return tokens.length < 2 ? [] : [exampleOf(tokens, labels)];
  }
  if (typeof row.text === "string") return windows(tokenizer, row.text, maxLength);
  throw new RangeError(
    `Cannot read ${where}: it has the keys ${
      Object.keys(row).map((key) => `"${key}"`).join(", ")
    }, ` +
      `expected "text", "messages", "prompt" and "completion", "question" and "answer", ` +
      `"problem" and "solution", or "input_ids"`,
  );
}

function promptAndCompletion(row: JsonRow): { prompt: string; completion: string } | undefined {
  const text = (key: string, end: string) =>
    typeof row[key] === "string" ? row[key] + end : undefined;
  const prompt = text("prompt", "") ?? text("question", QUESTION_END) ??
    text("problem", QUESTION_END);
  const completion = text("completion", "") ?? text("answer", "") ?? text("solution", "");
  return prompt === undefined || completion === undefined ? undefined : { prompt, completion };
}

function conversation(messages: unknown[], rules: RowRules, where: string): Example[] {
  const { tokenizer, maxLength, completionOnly } = rules;
  const isMessage = (m: unknown): m is Message =>
    typeof m === "object" && m !== null && typeof (m as Message).role === "string";
  if (messages.length === 0 || !messages.every(isMessage)) {
    throw new RangeError(
      `Cannot read ${where}: expected "messages" to be a list of objects with a "role"`,
    );
  }
  if (!tokenizer.conversation) {
    throw new RangeError(
      `Cannot read ${where}: it has "messages", but the model has no chat template: expected ` +
        `chat_template in tokenizer_config.json, or chat_template.jinja`,
    );
  }
  // One more than the positions: the last token is only a target.
  const { input_ids, labels } = tokenizer.conversation(messages, {
    assistant_only_loss: completionOnly,
    max_length: maxLength + 1,
  });
  return input_ids.length < 2 ? [] : [exampleOf(input_ids, labels)];
}

function windows(tokenizer: Tokenizer, text: string, maxLength: number): Example[] {
  const encoded = tokenizer.encode(text);
  const tokens = new Uint32Array(encoded.length + 1);
  tokens.set(encoded);
  tokens[encoded.length] = tokenizer.eosId;
  const examples: Example[] = [];
  for (let at = 0; at < tokens.length - 1; at += maxLength) {
    examples.push(exampleOf(tokens.subarray(at, at + maxLength + 1)));
  }
  return examples;
}

function idsExample(row: JsonRow, { maxLength, tokenizer }: RowRules, where: string): Example {
  const { input_ids: ids, labels } = row;
  const isId = (id: unknown) =>
    Number.isInteger(id) && (id as number) >= 0 && (id as number) < tokenizer.vocabSize;
  if (!Array.isArray(ids) || ids.length < 2 || !ids.every(isId)) {
    throw new RangeError(
      `Cannot read ${where}: expected "input_ids" to be two or more integers from 0 to ` +
        `${tokenizer.vocabSize - 1}`,
    );
  }
  if (ids.length > maxLength) {
    throw new RangeError(
      `Cannot read ${where}: "input_ids" has ${ids.length} tokens, max_length is ${maxLength}`,
    );
  }
  if (labels === undefined) return exampleOf(ids);
  const isLabel = (label: unknown) => label === IGNORED_LABEL || isId(label);
  if (!Array.isArray(labels) || labels.length !== ids.length || !labels.every(isLabel)) {
    throw new RangeError(
      `Cannot read ${where}: expected "labels" to be ${ids.length} ids, or ${IGNORED_LABEL} where ` +
        `not counted`,
    );
  }
  return exampleOf(ids, labels);
}
