// Which shape a row has. Trainers' formats differ in the names of their columns, not in what they
// say: tokens, a text, a prompt with its completion, or a conversation.

import type { Message } from "../wasm/chat_message.ts";

/** A row of a file: its columns by name. */
export type JsonRow = Readonly<Record<string, unknown>>;

/** What a row says. Ids are not looked at yet. */
export type RowShape =
  | { readonly kind: "ids"; readonly ids: unknown; readonly labels: unknown }
  | { readonly kind: "messages"; readonly messages: readonly Message[] }
  /** `asked`: the prompt is a bare question, which a model with a chat template gets as a turn. */
  | {
    readonly kind: "completion";
    readonly prompt: string;
    readonly completion: string;
    readonly asked: boolean;
  }
  | { readonly kind: "text"; readonly text: string };

/** The columns of each shape; the first whose columns a row has is the row's. */
const ROW_COLUMNS: readonly (readonly string[])[] = [
  ["input_ids"],
  ["messages"],
  ["conversations"],
  ["prompt", "completion"],
  ["problem", "solution"],
  ["question", "answer"],
  ["text"],
];

/** Where a dataset names its columns otherwise: our name → its name. */
export type ColumnNames = Readonly<Record<string, string>>;

/** ShareGPT's speakers, as roles of a chat template. */
const SPEAKERS: Readonly<Record<string, string>> = {
  human: "user",
  user: "user",
  gpt: "assistant",
  assistant: "assistant",
  chatgpt: "assistant",
  system: "system",
  tool: "tool",
  function_response: "tool",
  observation: "tool",
};

const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(", ");

/** The allowed shapes in words, for errors. */
const ALLOWED_SHAPES = ROW_COLUMNS
  .map((columns) => columns.map((name) => `"${name}"`).join(" and ")).join(", or ");

/**
 * The columns of the shape that `columns` make possible.
 *
 * @throws {RangeError} naming the columns there are, and those that are allowed.
 */
export function shapeColumns(
  columns: readonly string[],
  where: string,
  names: ColumnNames = {},
): readonly string[] {
  const missing = Object.entries(names).find(([, theirs]) => !columns.includes(theirs));
  if (missing) {
    throw new RangeError(
      `Cannot read ${where}: it has no column "${missing[1]}" for "${missing[0]}": ` +
        `expected one of ${quoted(columns)}`,
    );
  }
  const has = (name: string) => name in names || columns.includes(name);
  const shape = ROW_COLUMNS.find((shape) => shape.every(has));
  if (shape) return shape;
  throw new RangeError(
    `Cannot read ${where}: it has the columns ${quoted(columns)}, expected ${ALLOWED_SHAPES}`,
  );
}

/**
 * Reads a row's shape.
 *
 * @param where names the row in errors.
 * @param names the dataset's own names of the columns.
 * @throws {RangeError} if it has none of the shapes, naming the column and what is allowed.
 */
export function rowShape(row: JsonRow, where: string, names: ColumnNames = {}): RowShape {
  const present = Object.keys(row).filter((name) => row[name] !== null && row[name] !== undefined);
  const shape = shapeColumns(present, where, names);
  const value = (name: string) => row[names[name] ?? name];
  const text = (name: string) => textOf(value(name), names[name] ?? name, where);
  switch (shape[0]) {
    case "input_ids":
      return { kind: "ids", ids: value("input_ids"), labels: value("labels") };
    case "messages":
      return { kind: "messages", messages: messagesOf(value("messages"), "messages", where) };
    case "conversations":
      return {
        kind: "messages",
        messages: messagesOf(value("conversations"), "conversations", where),
      };
    case "text":
      return { kind: "text", text: text("text") };
    case "prompt": {
      // TRL's conversational form: both are lists of messages.
      if (Array.isArray(value("prompt"))) {
        const parts = ["prompt", "completion"].flatMap((name) =>
          messagesOf(value(name), name, where)
        );
        return { kind: "messages", messages: parts };
      }
      return {
        kind: "completion",
        prompt: text("prompt"),
        completion: text("completion"),
        asked: false,
      };
    }
    default:
      return {
        kind: "completion",
        prompt: text(shape[0]!),
        completion: text(shape[1]!),
        asked: true,
      };
  }
}

function textOf(value: unknown, column: string, where: string): string {
  if (typeof value === "string") return value;
  throw new RangeError(
    `Cannot read ${where}: column "${column}" is ${show(value)}, expected a string`,
  );
}

function messagesOf(value: unknown, column: string, where: string): Message[] {
  const wrong = (what: string) =>
    new RangeError(
      `Cannot read ${where}: column "${column}" ${what}, expected a list of objects with a "role" ` +
        `and "content", or with "from" and "value"`,
    );
  if (!Array.isArray(value) || value.length === 0) throw wrong(`is ${show(value)}`);
  return value.map((message: unknown, index) => {
    const { role, from, value } = (message ?? {}) as Record<string, unknown>;
    if (typeof role === "string") return message as Message;
    if (typeof from !== "string" || typeof value !== "string") {
      throw wrong(`has ${show(message)} at ${index}`);
    }
    const speaker = SPEAKERS[from];
    if (speaker === undefined) {
      throw new RangeError(
        `Cannot read ${where}: column "${column}" has the speaker "${from}", expected one of ` +
          quoted(Object.keys(SPEAKERS)),
      );
    }
    return { role: speaker, content: value };
  });
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/**
 * What decides on which side of a split a row lies: the text it starts from. Rows with the same
 * question are on the same side, whatever they answer.
 */
export function rowKey(shape: RowShape): string {
  switch (shape.kind) {
    case "ids":
      return JSON.stringify(shape.ids);
    case "text":
      return shape.text;
    case "completion":
      return shape.prompt;
    case "messages": {
      const asked = shape.messages.find(({ role }) => role === "user") ?? shape.messages[0]!;
      return typeof asked.content === "string" ? asked.content : JSON.stringify(asked);
    }
  }
}
