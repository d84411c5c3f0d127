/**
 * Hugging Face tokenisers: text ↔ ids, the same ids as the native library gives.
 *
 * ```ts
 * const tokenizer = Tokenizer.load(await Deno.readFile("tokenizer.json"));
 * const { ids } = tokenizer.encode("Hello, world!");
 * tokenizer.decode(ids);
 * ```
 */

import { startCore } from "./core_module.ts";
import { RawDecodeStream, RawTokenizer, RawTrainer } from "./pkg/core/noregret_core.js";

/** An added token, with the names of tokenizer.json. */
export interface AddedToken {
  /** The text that it stands for. */
  content: string;
  /** Match whole words only. */
  single_word?: boolean;
  /** Take the white space before it along. */
  lstrip?: boolean;
  /** Take the white space after it along. */
  rstrip?: boolean;
  /** Match in normalised text. */
  normalized?: boolean;
  /** Left out when special tokens are skipped. */
  special?: boolean;
}

/** The companions of tokenizer.json; tokens that only they name are added. */
export interface LoadOptions {
  /** tokenizer_config.json, parsed. */
  config?: Record<string, unknown>;
  /** special_tokens_map.json, parsed. */
  specialTokensMap?: Record<string, unknown>;
}

/** How to encode. */
export interface EncodeOptions {
  /**
   * Put the model's special tokens around the text.
   * @default {true}
   */
  addSpecialTokens?: boolean;
  /**
   * Recognise special tokens that are written in the text.
   * @default {true}
   */
  allowSpecial?: boolean;
  /** Also say where each id came from, counted in code points (as Python does) or UTF-16 units. */
  offsets?: "code_points" | "utf16";
  /** Keep at most this many ids, special ones included. */
  maxLength?: number;
  /** The side to cut on. */
  truncationSide?: "left" | "right";
  /** A second text, which the model reads after the first. */
  pair?: string;
  /** Also say which text each id belongs to, as the model's post-processor has it. */
  typeIds?: boolean;
  /**
   * Which of two texts is cut where both are too long: the longer one until they are of a length, or
   * one of them only. By default what the file says, else the longer one.
   */
  truncation?: Truncation;
}

/** Names of Hugging Face's truncation strategies. */
export type Truncation = "longest_first" | "only_first" | "only_second";

/** Ids, and where they came from if that was asked for. */
export interface Encoding {
  /** The ids. */
  ids: Uint32Array;
  /**
   * `[start, end)` of each id, in its own text where there are two; special tokens that the model adds
   * have `[0, 0]`.
   */
  offsets?: [number, number][];
  /** The type id of each id: mostly 0, and 1 in the second text. */
  typeIds?: Uint32Array;
}

/** Runs `call`; a trap of the module, which would be a bug in it, becomes a plain error. */
function guard<T>(action: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) {
      throw new RangeError(`Cannot ${action}: the input exhausts the tokeniser`, { cause: error });
    }
    throw error;
  }
}

/** A loaded tokeniser. */
export class Tokenizer implements Disposable {
  readonly #raw: RawTokenizer;

  private constructor(raw: RawTokenizer) {
    this.#raw = raw;
  }

  /**
   * Loads tokenizer.json, given as its bytes, its text or its parsed value.
   *
   * @throws {SyntaxError} If it is not a valid tokeniser file.
   */
  static load(json: Uint8Array | string | object, options: LoadOptions = {}): Tokenizer {
    startCore();
    const bytes = json instanceof Uint8Array
      ? json
      : new TextEncoder().encode(typeof json === "string" ? json : JSON.stringify(json));
    const extra = JSON.stringify(companionTokens(options));
    return new Tokenizer(guard("load tokenizer", () => RawTokenizer.load(bytes, extra)));
  }

  /** Text → ids. Lone surrogates count as U+FFFD. */
  encode(text: string, options: EncodeOptions = {}): Encoding {
    const max = options.maxLength;
    if (max !== undefined && !(Number.isSafeInteger(max) && max >= 0 && max < 2 ** 31)) {
      throw new RangeError(`Cannot encode text: maxLength is ${max}, expected 0 to ${2 ** 31 - 1}`);
    }
    const { pair, typeIds, truncation, offsets } = options;
    if (truncation === "only_second" && pair === undefined) {
      throw new RangeError(
        'Cannot encode text: truncation is "only_second", expected a pair that it can cut',
      );
    }
    const typed = typeIds === true || pair !== undefined;
    const bits = flags(options);
    const out = guard(
      "encode text",
      () =>
        typed
          ? this.#raw.encode_pair(text, pair, bits, max ?? -1)
          : this.#raw.encode(text, bits, max ?? -1),
    );
    if (!offsets && !typed) return { ids: out };
    const n = out.length / (1 + (typed ? 1 : 0) + (offsets ? 2 : 0));
    const column = (at: number) => out.slice(at * n, (at + 1) * n);
    const encoding: Encoding = { ids: column(0) };
    if (typed) encoding.typeIds = column(1);
    if (offsets) {
      const [starts, ends] = [column(typed ? 2 : 1), column(typed ? 3 : 2)];
      encoding.offsets = Array.from(starts, (start, i) => [start, ends[i]!]);
    }
    return encoding;
  }

  /** Encodes each text. */
  encodeBatch(texts: readonly string[], options: EncodeOptions = {}): Encoding[] {
    return texts.map((text) => this.encode(text, options));
  }

  /** Ids → text. Ids that no token has are passed over. */
  decode(ids: Uint32Array | readonly number[], skipSpecialTokens = true): string {
    return guard("decode ids", () => this.#raw.decode(checkIds(ids), skipSpecialTokens));
  }

  /** Decodes each list of ids. */
  decodeBatch(
    batch: readonly (Uint32Array | readonly number[])[],
    skipSpecialTokens = true,
  ): string[] {
    return batch.map((ids) => this.decode(ids, skipSpecialTokens));
  }

  /** Starts decoding ids as they come. */
  decodeStream(skipSpecialTokens = true): DecodeStream {
    return new DecodeStream(this.#raw, skipSpecialTokens);
  }

  /** How the vocabulary writes the token of an id. */
  idToToken(id: number): string | undefined {
    return this.#raw.token(id);
  }

  /** The id of a token as the vocabulary writes it. */
  tokenToId(token: string): number | undefined {
    return this.#raw.token_id(token);
  }

  /** Whether `skipSpecialTokens` leaves this id out. */
  isSpecial(id: number): boolean {
    return this.#raw.is_special(id);
  }

  /** The number of tokens, added ones included. */
  get vocabSize(): number {
    return this.#raw.vocab_size();
  }

  /** Whether the linear-time byte-level engine runs it, rather than the general one. */
  get isByteLevel(): boolean {
    return this.#raw.is_byte_level();
  }

  /** Frees the tables; the tokeniser cannot be used afterwards. */
  [Symbol.dispose](): void {
    this.#raw.free();
  }
}

/** A decode of ids as they come; no piece of it splits a character. */
export class DecodeStream {
  readonly #tokenizer: RawTokenizer;
  readonly #raw: RawDecodeStream;

  /** Made by {@linkcode Tokenizer.decodeStream}. */
  constructor(tokenizer: RawTokenizer, skipSpecialTokens: boolean) {
    this.#tokenizer = tokenizer;
    this.#raw = new RawDecodeStream(skipSpecialTokens);
  }

  /** The text that `id` completes; empty while a character is unfinished. */
  push(id: number): string {
    return guard("decode ids", () => this.#raw.step(this.#tokenizer, checkIds([id])[0]!));
  }

  /** The rest; bytes of an unfinished character become U+FFFD. */
  finish(): string {
    return guard("decode ids", () => this.#raw.finish(this.#tokenizer));
  }
}

/** What to train. */
export interface TrainOptions {
  /** Tokens in all: 256 bytes, the special ones and those learned. */
  vocabSize: number;
  /** Pairs seen less often are not merged. @default {2} */
  minFrequency?: number;
  /** They get the ids 0, 1, … */
  specialTokens?: readonly string[];
  /** Where words end; by default the pattern of Qwen. */
  pattern?: string;
}

/** Learns a byte-level BPE from texts and returns the text of tokenizer.json. */
export function trainTokenizer(texts: Iterable<string>, options: TrainOptions): string {
  startCore();
  const { vocabSize, minFrequency = 2, specialTokens = [], pattern = QWEN_PATTERN } = options;
  if (!Number.isSafeInteger(vocabSize) || vocabSize < 0 || vocabSize > 1 << 24) {
    throw new RangeError(
      `Cannot train tokenizer: vocabulary of ${vocabSize} tokens, expected 256 to ${1 << 24}`,
    );
  }
  const trainer = new RawTrainer(pattern);
  try {
    for (const text of texts) guard("train tokenizer", () => trainer.add(text));
    return guard(
      "train tokenizer",
      () => trainer.train(vocabSize, minFrequency, [...specialTokens]),
    );
  } finally {
    trainer.free();
  }
}

/** The split pattern of Qwen's tokenisers. */
const QWEN_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** The bits that the module's encode call expects. */
function flags(options: EncodeOptions): number {
  const { addSpecialTokens = true, allowSpecial = true, offsets, truncationSide, truncation } =
    options;
  return (addSpecialTokens ? 1 : 0) | (allowSpecial ? 2 : 0) | (offsets ? 4 : 0) |
    (offsets === "utf16" ? 8 : 0) | (truncationSide === "left" ? 16 : 0) |
    (truncationSide === "right" ? 32 : 0) | (truncation ? TRUNCATION_BITS[truncation] : 0);
}

const TRUNCATION_BITS: Readonly<Record<Truncation, number>> = {
  longest_first: 64,
  only_first: 128,
  only_second: 256,
};

function checkIds(ids: Uint32Array | readonly number[]): Uint32Array {
  if (ids instanceof Uint32Array) return ids;
  for (const id of ids) {
    if (!(Number.isInteger(id) && id >= 0 && id < 2 ** 32)) {
      throw new RangeError(
        `Cannot decode ids: ${id} is not an id, expected an integer from 0 to ${2 ** 32 - 1}`,
      );
    }
  }
  return Uint32Array.from(ids);
}

/** Tokens that the companion files name, in the order in which they are added. */
function companionTokens({ config, specialTokensMap }: LoadOptions): AddedToken[] {
  const found = new Map<string, AddedToken>();
  const add = (value: unknown, special: boolean) => {
    if (typeof value === "string" && value !== "") {
      if (!found.has(value)) found.set(value, { content: value, special, normalized: false });
    } else if (value !== null && typeof value === "object" && "content" in value) {
      const { content, single_word, lstrip, rstrip, normalized, special: own } =
        value as AddedToken;
      if (typeof content !== "string" || found.has(content)) return;
      found.set(content, {
        content,
        single_word: single_word === true,
        lstrip: lstrip === true,
        rstrip: rstrip === true,
        normalized: normalized === true,
        special: own ?? special,
      });
    }
  };
  const decoder = config?.added_tokens_decoder;
  if (decoder !== null && typeof decoder === "object") {
    const byId = Object.entries(decoder).sort(([a], [b]) => Number(a) - Number(b));
    for (const [, token] of byId) add(token, false);
  }
  for (const source of [specialTokensMap, config]) {
    for (const [name, value] of Object.entries(source ?? {})) {
      if (name === "additional_special_tokens" && Array.isArray(value)) {
        for (const token of value) add(token, true);
      } else if (/^(bos|eos|unk|sep|pad|cls|mask)_token$/.test(name)) {
        add(value, true);
      }
    }
  }
  return [...found.values()];
}
