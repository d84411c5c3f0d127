/** The tokeniser of models without one: the id of a token is a byte of the UTF-8 text. */

/** How byte-level vocabularies write each byte: what cannot be printed as characters from U+0100 on. */
export const BYTE_CHARACTERS: readonly string[] = byteCharacters();

function byteCharacters(): string[] {
  let extra = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCodePoint(printable ? byte : extra++);
  });
}

/** tokenizer.json of 256 tokens and no merges. */
export function byteTokenizerFile(): object {
  const vocab = Object.fromEntries(BYTE_CHARACTERS.map((character, byte) => [character, byte]));
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { ...byteLevel, use_regex: false },
    post_processor: null,
    decoder: { ...byteLevel, use_regex: false },
    model: { type: "BPE", vocab, merges: [] },
  };
}
