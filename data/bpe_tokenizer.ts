// A byte-level BPE learnt from a dataset's training texts, for a model that is made from nothing.

import { Tokenizer as BpeTokenizer, trainTokenizer } from "../wasm/tokenizer.ts";
import type { Tokenizer } from "./byte_tokenizer.ts";
import { datasetRows } from "./load.ts";

/** Ends a document; id 0. */
const END = "<|endoftext|>";

/** A tokeniser with the files that hold it. */
export interface TrainedTokenizer {
  readonly tokenizer: Tokenizer;
  /** What goes beside the model's weights, by file name. */
  readonly files: ReadonlyMap<string, string>;
}

/**
 * Learns `vocabSize` tokens, the 256 bytes and the end among them; digits stay single.
 *
 * @throws {RangeError} if the dataset has no texts.
 */
export async function trainBpe(dataset: string, vocabSize: number): Promise<TrainedTokenizer> {
  const { rows } = (await datasetRows(dataset, { purpose: "train", folder: "" }))!;
  const texts = rows.flatMap(({ text }) => typeof text === "string" ? [text] : []);
  if (texts.length === 0) {
    throw new RangeError(`Cannot train tokenizer: "${dataset}" has no texts`);
  }
  const file = trainTokenizer(texts, { vocabSize, specialTokens: [END] });
  const bpe = BpeTokenizer.load(file);
  const config = { tokenizer_class: "PreTrainedTokenizerFast", eos_token: END, pad_token: END };
  return {
    tokenizer: {
      vocabSize,
      eosId: 0,
      encode: (text) => bpe.encode(text, { addSpecialTokens: false, allowSpecial: false }).ids,
      decode: (ids) => bpe.decode(Uint32Array.from(ids)),
    },
    files: new Map([
      ["tokenizer.json", file],
      ["tokenizer_config.json", JSON.stringify(config, null, 2) + "\n"],
    ]),
  };
}
