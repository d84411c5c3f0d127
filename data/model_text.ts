// What stands between text and a model's tokens: its tokeniser, its chat template, and the tokens that end a text.

import { join } from "@std/path";
import type { Message } from "../wasm/chat_message.ts";
import type { ChatTemplate } from "../wasm/chat_template.ts";
import { loadTokenizer } from "../wasm/load_tokenizer.ts";
import { checkTokenizer } from "./model_tokenizer.ts";
import type { Tokenizer } from "../wasm/tokenizer.ts";

/** A model's text side. */
export interface ModelText {
  /** Undefined for a model that has none: it is asked in token ids. */
  readonly tokenizer: Tokenizer | undefined;
  readonly chatTemplate: ChatTemplate | undefined;
  /** `eos_token_id` of config.json and generation_config.json. */
  readonly eosIds: readonly number[];
}

/**
 * Opens what a model's folder says of text.
 *
 * @throws {SyntaxError} if a file is not valid.
 * @throws {RangeError} if the tokeniser has tokens that the model lacks.
 */
export async function openModelText(folder: string): Promise<ModelText> {
  const eosIds = new Set<number>();
  let vocabSize: unknown;
  for (const name of ["config.json", "generation_config.json"]) {
    const text = await unlessMissing(Deno.readTextFile(join(folder, name)));
    const { eos_token_id, vocab_size } = parseJson(text ?? "{}", name);
    vocabSize ??= vocab_size;
    for (const id of [eos_token_id].flat()) if (Number.isSafeInteger(id)) eosIds.add(id as number);
  }
  const files = await unlessMissing(loadTokenizer(folder));
  const { tokenizer, chatTemplate } = files ?? {};
  if (tokenizer && typeof vocabSize === "number") checkTokenizer(tokenizer, vocabSize);
  return { tokenizer, chatTemplate, eosIds: [...eosIds] };
}

/**
 * A conversation and the start of the answer, by the model's chat template.
 *
 * @throws {TypeError} if the model has none, or it cannot render these messages.
 */
export function chatPrompt(
  { tokenizer, chatTemplate }: ModelText,
  messages: readonly { readonly role: string }[],
): Uint32Array {
  if (!tokenizer || !chatTemplate) {
    throw new TypeError("Expected prompts instead: the model has no chat template");
  }
  const text = chatTemplate.render(messages as Message[], { addGenerationPrompt: true });
  return tokenizer.encode(text, { addSpecialTokens: false }).ids;
}

function parseJson(text: string, name: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`Cannot read ${name}: ${(error as Error).message}`, { cause: error });
  }
}

async function unlessMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
