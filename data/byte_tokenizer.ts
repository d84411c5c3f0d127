// Text as bytes: the id of a token is a byte of the UTF-8 text. No vocabulary to learn or to ship, and
// NLL per token is NLL per byte.

/** Text to token ids and back. */
export interface Tokenizer {
  readonly vocabSize: number;
  /** Ends a document. */
  readonly eosId: number;
  encode(text: string): Uint32Array;
  decode(ids: ArrayLike<number>): string;
}

/** UTF-8 bytes, 0 … 255; byte 0 ends a document. */
export const BYTE_TOKENIZER: Tokenizer = {
  vocabSize: 256,
  eosId: 0,
  encode: (text) => Uint32Array.from(new TextEncoder().encode(text)),
  decode: (ids) => new TextDecoder().decode(Uint8Array.from(ids)),
};
