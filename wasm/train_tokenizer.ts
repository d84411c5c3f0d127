/**
 * Trains a byte-level BPE and saves it in Hugging Face layout.
 *
 *     deno task tokenizer:train --input corpus.txt --vocab-size 4096 --out DIR
 *
 * `--input` may be given several times; a `.jsonl` file gives its `text` fields. Special tokens
 * (`--special`, repeatable) get the ids 0, 1, …; the first one ends a text.
 */

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { join } from "@std/path";
import { Tokenizer, trainTokenizer } from "./tokenizer.ts";

const DEFAULT_SPECIAL = "<|endoftext|>";

/** The command line's options. */
export interface TrainArguments {
  /** Files of text. */
  input: string[];
  /** Tokens in all. */
  vocabSize: number;
  /** The folder to write to. */
  out: string;
  /** Special tokens, from id 0. */
  special: string[];
  /** Pairs seen less often are not merged. */
  minFrequency: number;
}

/** Reads the command line; @throws {TypeError} where it is wrong. */
export function parseTrainArguments(args: string[]): TrainArguments {
  const { values } = parseArgs({
    args,
    options: {
      input: { type: "string", multiple: true },
      "vocab-size": { type: "string" },
      out: { type: "string" },
      special: { type: "string", multiple: true },
      "min-frequency": { type: "string" },
    },
  });
  const vocabSize = Number(values["vocab-size"]);
  const minFrequency = Number(values["min-frequency"] ?? 2);
  if (!values.input?.length) throw new TypeError("Cannot train tokenizer: expected --input FILE");
  if (!values.out) throw new TypeError("Cannot train tokenizer: expected --out DIR");
  if (!Number.isInteger(vocabSize)) {
    throw new TypeError("Cannot train tokenizer: expected --vocab-size N");
  }
  if (!Number.isInteger(minFrequency) || minFrequency < 0) {
    throw new TypeError("Cannot train tokenizer: expected --min-frequency N");
  }
  const { input, out, special = [DEFAULT_SPECIAL] } = values;
  return { input, vocabSize, out, special, minFrequency };
}

/** Trains and writes tokenizer.json and tokenizer_config.json; says how it compresses. */
export async function train(options: TrainArguments): Promise<string> {
  const texts: string[] = [];
  for (const file of options.input) {
    for await (const text of readTexts(file)) texts.push(text);
  }
  const { vocabSize, special, minFrequency } = options;
  const json = trainTokenizer(texts, { vocabSize, specialTokens: special, minFrequency });
  using tokenizer = Tokenizer.load(json);
  Deno.mkdirSync(options.out, { recursive: true });
  const config = {
    tokenizer_class: "PreTrainedTokenizerFast",
    ...(special[0] !== undefined && { eos_token: special[0], pad_token: special[0] }),
    clean_up_tokenization_spaces: false,
  };
  writeWhole(join(options.out, "tokenizer.json"), json);
  writeWhole(
    join(options.out, "tokenizer_config.json"),
    `${JSON.stringify(config, null, 2)}\n`,
  );
  let bytes = 0;
  let ids = 0;
  for (const text of texts) {
    bytes += new TextEncoder().encode(text).length;
    ids += tokenizer.encode(text, { allowSpecial: false }).ids.length;
  }
  const rate = ids ? (bytes / ids).toFixed(2) : "no";
  return `${tokenizer.vocabSize} tokens, ${rate} bytes a token on ${bytes} bytes → ${options.out}`;
}

/** A text file by lines, each with its newline; or the `text` fields of a .jsonl file. */
async function* readTexts(file: string): AsyncGenerator<string> {
  const rows = file.endsWith(".jsonl");
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity });
  let block: string[] = [];
  for await (const line of lines) {
    if (rows) {
      if (line.trim() === "") continue;
      const { text } = JSON.parse(line);
      if (typeof text !== "string") {
        throw new TypeError(`Cannot train tokenizer: a row of "${file}" has no text`);
      }
      yield text;
      continue;
    }
    // In blocks, so that runs of newlines stay words.
    block.push(`${line}\n`);
    if (block.length === 1024) {
      yield block.join("");
      block = [];
    }
  }
  if (block.length) yield block.join("");
}

/** Writes under a temporary name and renames, so that no half file is ever seen. */
function writeWhole(path: string, text: string): void {
  Deno.writeTextFileSync(`${path}.tmp`, text);
  Deno.renameSync(`${path}.tmp`, path);
}

if (import.meta.main) {
  try {
    console.log(await train(parseTrainArguments(Deno.args)));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
