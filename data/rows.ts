// One row of a dataset, in any of the shapes that trainers take, to examples.

import type { Message } from "../wasm/chat_message.ts";
import type { Tokenizer } from "./byte_tokenizer.ts";
import type { ChatExample } from "./chat_template.ts";
import { type Example, exampleOf, IGNORED_LABEL, IGNORED_TARGET } from "./example.ts";
import { type JsonRow, type RowShape, rowShape } from "./row_shape.ts";

/** Stands between a question and its answer where the model has no chat template. */
const QUESTION_END = "\n\n";

/** What decides how a row is read. */
export interface RowRules {
  readonly tokenizer: Tokenizer;
  readonly maxLength: number;
  readonly completionOnly: boolean;
}

/**
 * The examples of a row; see {@linkcode rowShape} for its shapes. Messages go through the model's chat
 * template, and so do questions with their answers where it has one. A text is cut into windows of
 * `maxLength` positions that overlap by the one token which is a target in one and an input in the
 * next, so that every token but the first is counted once.
 *
 * @param where names the row in errors.
 * @throws {RangeError} if the row has none of these shapes, or its ids do not fit.
 */
export function rowExamples(row: JsonRow, rules: RowRules, where: string): Example[] {
  return shapeExamples(rowShape(row, where), rules, where);
}

/** The examples of a row whose shape is known; see {@linkcode rowExamples}. */
export function shapeExamples(shape: RowShape, rules: RowRules, where: string): Example[] {
  switch (shape.kind) {
    case "ids":
      return [idsExample(shape.ids, shape.labels, rules, where)];
    case "messages":
      return conversation(shape.messages, rules, where);
    case "text":
      return windows(rules.tokenizer, shape.text, rules.maxLength);
    case "completion": {
      const { prompt, completion, asked } = shape;
      if (!asked) return continuation(prompt, completion, rules);
      if (!rules.tokenizer.conversation) {
        return continuation(prompt + QUESTION_END, completion, rules);
      }
      const turns = [
        { role: "user", content: prompt },
        { role: "assistant", content: completion },
      ];
      return conversation(turns, rules, where);
    }
  }
}

function continuation(prompt: string, completion: string, rules: RowRules): Example[] {
  const { tokenizer, maxLength, completionOnly } = rules;
  const asked = tokenizer.encode(prompt), wanted = tokenizer.encode(completion);
  if (asked.length + wanted.length === 0) return [];
  const given = [...tokenizer.bosIds ?? [], ...asked];
  const all = Uint32Array.from([...given, ...wanted, tokenizer.eosId]);
  const { ids, targets } = exampleOf(all.subarray(0, maxLength + 1));
  // The target at i is token i + 1.
  if (completionOnly) targets.fill(IGNORED_TARGET, 0, Math.max(0, given.length - 1));
  return [{ ids, targets }];
}

function conversation(messages: readonly Message[], rules: RowRules, where: string): Example[] {
  const { tokenizer, maxLength, completionOnly } = rules;
  if (!tokenizer.conversation) {
    throw new RangeError(
      `Cannot read ${where}: it is a conversation, but the model has no chat template: expected ` +
        `chat_template in tokenizer_config.json, or chat_template.jinja`,
    );
  }
  // One more than the positions: the last token is only a target.
  let example: ChatExample;
  try {
    example = tokenizer.conversation(messages, {
      assistant_only_loss: completionOnly,
      max_length: maxLength + 1,
    });
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new RangeError(`Cannot read ${where}: ${error.message}`, { cause: error });
  }
  const { input_ids, labels } = example;
  return input_ids.length < 2 ? [] : [exampleOf(input_ids, labels)];
}

function windows(tokenizer: Tokenizer, text: string, maxLength: number): Example[] {
  const encoded = tokenizer.encode(text);
  if (encoded.length === 0) return [];
  const tokens = Uint32Array.from([...tokenizer.bosIds ?? [], ...encoded, tokenizer.eosId]);
  const examples: Example[] = [];
  for (let at = 0; at < tokens.length - 1; at += maxLength) {
    examples.push(exampleOf(tokens.subarray(at, at + maxLength + 1)));
  }
  return examples;
}

function idsExample(
  ids: unknown,
  labels: unknown,
  { maxLength, tokenizer }: RowRules,
  where: string,
): Example {
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
  if (labels === undefined || labels === null) return exampleOf(ids);
  const isLabel = (label: unknown) => label === IGNORED_LABEL || isId(label);
  if (!Array.isArray(labels) || labels.length !== ids.length || !labels.every(isLabel)) {
    throw new RangeError(
      `Cannot read ${where}: expected "labels" to be ${ids.length} ids, or ${IGNORED_LABEL} where ` +
        `not counted`,
    );
  }
  return exampleOf(ids, labels);
}
