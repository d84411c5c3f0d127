/** Loads the tokeniser files of a model's folder. */

import { basename, join } from "@std/path";
import { byteTokenizerFile } from "./byte_tokenizer.ts";
import { type ChatTemplate, chatTemplateOf } from "./chat_template.ts";
import { Tokenizer } from "./tokenizer.ts";

/** A model's tokeniser and, if it has one, its chat template. */
export interface TokenizerFiles {
  /** Text ↔ ids. */
  tokenizer: Tokenizer;
  /** Messages → text. */
  chatTemplate: ChatTemplate | undefined;
}

/** The files that are read. */
export const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
  "config.json",
];

/**
 * Reads tokenizer.json and, where they exist, tokenizer_config.json, special_tokens_map.json and
 * chat_template.jinja. A model of 256 tokens
 * without a tokenizer.json reads bytes.
 *
 * @throws {Deno.errors.NotFound} If there is no tokenizer.json.
 * @throws {SyntaxError} If a file is not valid.
 */
export async function loadTokenizer(folder: string): Promise<TokenizerFiles> {
  const [json, config, specialTokensMap, template] = await Promise.all([
    readTokenizer(folder),
    readJson(join(folder, "tokenizer_config.json")),
    readJson(join(folder, "special_tokens_map.json")),
    readText(join(folder, "chat_template.jinja")),
  ]);
  return {
    tokenizer: Tokenizer.load(json, { config, specialTokensMap }),
    chatTemplate: chatTemplateOf(
      { ...byteSpecials(json), ...specialTokensMap, ...config },
      template,
    ),
  };
}

async function readTokenizer(folder: string): Promise<Uint8Array | object> {
  try {
    return await Deno.readFile(join(folder, "tokenizer.json"));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const { vocab_size } = await readJson(join(folder, "config.json"));
    if (vocab_size !== 256) throw error;
    return byteTokenizerFile();
  }
}

/** What a chat template of a byte model may name: byte 0 ends what is said. */
function byteSpecials(json: Uint8Array | object): Record<string, string> {
  return json instanceof Uint8Array ? {} : { eos_token: "\0" };
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function readJson(file: string): Promise<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(await readText(file) ?? "{}");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new SyntaxError(`Cannot read ${basename(file)}: ${error.message}`, { cause: error });
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new SyntaxError(`Cannot load tokenizer: "${file}" holds no object`);
  }
  return value as Record<string, unknown>;
}
