/** Messages of a conversation, as trainers and clients write them and as chat templates take them. */

/** One message; templates may read further keys, such as `tool_calls`. */
export interface Message {
  /** Who speaks. */
  role: string;
  /** What they say: a string, or parts of text that are joined by line ends. */
  content?: unknown;
  /** What else the template reads. */
  [key: string]: unknown;
}

/**
 * A message as templates take it: what has no value is not there, as in transformers, and parts of text are
 * one text.
 */
export function plainMessage(message: Message): Message {
  const present = Object.entries(message)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([key, value]) => [key, key === "content" ? plainContent(value) : value]);
  return Object.fromEntries(present) as Message;
}

function plainContent(content: unknown): unknown {
  if (!Array.isArray(content)) return content;
  return content.map((part: unknown) => {
    const { type, text } = (part ?? {}) as Record<string, unknown>;
    if (type === "text" && typeof text === "string") return text;
    throw new TypeError(`a message has a part of type ${JSON.stringify(type)}, expected "text"`);
  }).join("\n");
}
