// The tokeniser that goes with a model: its own tokenizer.json, or bytes where it has none.

import { join } from "@std/path";
import { loadTokenizer, TOKENIZER_FILES, type TokenizerFiles } from "../wasm/load_tokenizer.ts";
import { BYTE_TOKENIZER, type Tokenizer } from "./byte_tokenizer.ts";
import { chatExample } from "./chat_template.ts";

/** The one that was opened last: the runs of a sweep ask for it again and again. */
let last: { readonly version: string; readonly tokenizer: Tokenizer } | undefined;

/**
 * Opens the tokeniser in a model's folder. Special tokens that are written in a text stay text. A document
 * begins with what the tokeniser puts before a text, and ends with config.json's `eos_token_id`.
 *
 * @throws {SyntaxError} if a file is not valid.
 * @throws {RangeError} if config.json has no `eos_token_id` for it, or it has tokens that the model lacks.
 */
export async function modelTokenizer(folder: string): Promise<Tokenizer> {
  const config = await Deno.readTextFile(join(folder, "config.json"));
  const files = TOKENIZER_FILES.filter((name) => name !== "config.json")
    .map(async (name) => {
      const { size, mtime, ino } = await Deno.stat(join(folder, name)).catch(() => NONE);
      return [size, mtime?.getTime(), ino];
    });
  const version = JSON.stringify([folder, config, await Promise.all(files)]);
  if (last?.version === version) return last.tokenizer;
  const tokenizer = await openTokenizer(folder, JSON.parse(config));
  last = { version, tokenizer };
  return tokenizer;
}

const NONE = { size: undefined, mtime: undefined, ino: undefined };

async function openTokenizer(
  folder: string,
  config: { readonly vocab_size: number; readonly eos_token_id?: unknown },
): Promise<Tokenizer> {
  try {
    await Deno.stat(join(folder, "tokenizer.json"));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const bytes = { ...BYTE_TOKENIZER, vocabSize: config.vocab_size };
    // Others than those of 256 tokens cannot be loaded as a tokeniser: they read bytes, and no more.
    return config.vocab_size === 256
      ? { ...bytes, ...conversationOf(await loadTokenizer(folder)) }
      : bytes;
  }
  const files = await loadTokenizer(folder);
  const { tokenizer } = files;
  checkTokenizer(tokenizer, config.vocab_size);
  const eosId = [config.eos_token_id].flat()[0];
  if (typeof eosId !== "number") {
    throw new RangeError(
      `Cannot end a document: config.json's "eos_token_id" is ${JSON.stringify(eosId)}, ` +
        `expected a token id`,
    );
  }
  return {
    vocabSize: config.vocab_size,
    bosIds: specialsBefore(tokenizer),
    eosId,
    encode: (text) => tokenizer.encode(text, { addSpecialTokens: false, allowSpecial: false }).ids,
    decode: (ids) => tokenizer.decode(Uint32Array.from(ids)),
    ...conversationOf(files),
  };
}

/** What the tokeniser's post-processor puts before a text: BOS for Llama, nothing for Qwen. */
function specialsBefore(tokenizer: TokenizerFiles["tokenizer"]): number[] {
  const bare = tokenizer.encode("a", { addSpecialTokens: false }).ids;
  const whole = tokenizer.encode("a").ids;
  return [...whole.slice(0, Math.max(0, whole.indexOf(bare[0]!)))];
}

/**
 * Checks that a tokeniser has no more tokens than a model's embedding has rows.
 *
 * @throws {RangeError} that names the first which it lacks.
 */
export function checkTokenizer(
  tokenizer: Pick<TokenizerFiles["tokenizer"], "idToToken">,
  vocabSize: number,
): void {
  const token = tokenizer.idToToken(vocabSize);
  if (token === undefined) return;
  throw new RangeError(
    `Cannot use the tokeniser: "${token}" is token ${vocabSize} of tokenizer.json, config.json's ` +
      `"vocab_size" is ${vocabSize}: expected tokenizer.json and weights of one model`,
  );
}

function conversationOf(
  { tokenizer, chatTemplate }: TokenizerFiles,
): Pick<Tokenizer, "conversation"> {
  if (!chatTemplate) return {};
  return {
    conversation: (messages, rules) => chatExample(tokenizer, chatTemplate, messages, rules),
  };
}
