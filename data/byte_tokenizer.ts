// Text as bytes: the id of a token is a byte of the UTF-8 text. No vocabulary to learn or to ship, and
// NLL per token is NLL per byte.

import type { Message } from "../wasm/chat_message.ts";
import type { ChatExample, ChatExampleOptions } from "./chat_template.ts";

/** Text to token ids and back. */
export interface Tokenizer {
  readonly vocabSize: number;
  /** Begin a document, where the model's tokeniser begins texts with special tokens. */
  readonly bosIds?: readonly number[];
  /** Ends a document. */
  readonly eosId: number;
  encode(text: string): Uint32Array;
  decode(ids: ArrayLike<number>): string;
  /** A conversation by the model's chat template; absent where it has none. */
  readonly conversation?: (messages: readonly Message[], rules: ConversationRules) => ChatExample;
}

/** What decides how a conversation is read; see {@linkcode chatExample}. */
export type ConversationRules = Pick<ChatExampleOptions, "assistant_only_loss" | "max_length">;

/** UTF-8 bytes, 0 … 255; byte 0 ends a document. */
export const BYTE_TOKENIZER: Tokenizer = {
  vocabSize: 256,
  eosId: 0,
  encode: (text) => Uint32Array.from(new TextEncoder().encode(text)),
  decode: (ids) => new TextDecoder().decode(Uint8Array.from(ids)),
};
