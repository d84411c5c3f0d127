// Conversations as training examples: ids, and labels that count what the assistant said.

import type { Message } from "../wasm/chat_message.ts";
import type { ChatTemplate, RenderOptions } from "../wasm/chat_template.ts";
import type { Tokenizer } from "../wasm/tokenizer.ts";

/** A label that the loss does not count. */
const IGNORED = -100;

/**
 * What templates are told the day is: data must not depend on when it is read, since a run may go on tomorrow.
 * Llama's own templates fall back to this one.
 */
const DAY = new Date(2024, 6, 26);

/** How to turn a conversation into an example. */
export interface ChatExampleOptions extends Omit<RenderOptions, "now"> {
  /**
   * Count the assistant's tokens only, as TRL's option of that name does.
   * @default {true}
   */
  assistant_only_loss?: boolean;
  /** Keep at most this many ids. */
  max_length?: number;
}

/** Ids with the label of each: the id itself, or −100 where it is not counted. */
export interface ChatExample {
  /** The conversation. */
  input_ids: number[];
  /** What the loss counts. */
  labels: number[];
}

/** One conversation → one example. */
export function chatExample(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  messages: readonly Message[],
  options: ChatExampleOptions = {},
): ChatExample {
  const { assistant_only_loss = true, max_length, ...render } = options;
  const { ids, assistantMask } = template.encode(tokenizer, messages, {
    ...render,
    now: DAY,
    ...(max_length !== undefined && { maxLength: max_length }),
  });
  const counted = (i: number) => !assistant_only_loss || assistantMask[i] === 1;
  return {
    input_ids: [...ids],
    labels: [...ids].map((id, i) => counted(i) ? id : IGNORED),
  };
}
