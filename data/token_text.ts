// A token by itself, as text and as bytes: a character may be spread over several tokens.

import { BYTE_CHARACTERS } from "../wasm/byte_tokenizer.ts";
import type { Tokenizer } from "../wasm/tokenizer.ts";

/** A token by itself. */
export interface TokenText {
  /** With U+FFFD for what is no whole character. */
  readonly text: string;
  /** UTF-8; those of tokens in a row are those of their text. */
  readonly bytes: readonly number[];
}

const BYTES: ReadonlyMap<string, number> = new Map(
  BYTE_CHARACTERS.map((character, byte) => [character, byte]),
);

/** The token of an id, special ones by their names. */
export function tokenText(tokenizer: Tokenizer, id: number): TokenText {
  const text = tokenizer.decode([id], false);
  const bytes = text.includes("\ufffd") ? partialBytes(tokenizer, id) : undefined;
  return { text, bytes: bytes ?? [...new TextEncoder().encode(text)] };
}

/** The bytes of a token that is no text, as its vocabulary writes them. */
function partialBytes(tokenizer: Tokenizer, id: number): number[] | undefined {
  const token = tokenizer.idToToken(id) ?? "";
  const single = /^<0x([0-9A-F]{2})>$/.exec(token);
  if (single) return [parseInt(single[1]!, 16)];
  const bytes = [...token].map((character) => BYTES.get(character));
  return bytes.every((byte) => byte !== undefined) ? bytes : undefined;
}
