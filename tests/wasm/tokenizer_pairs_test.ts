// Pairs of texts, type ids and truncation, compared with the native library's.

import assert from "@std/assert";
import { Tokenizer, type Truncation } from "../../wasm/tokenizer.ts";
import { smallFile } from "./tokenizer_fixtures.ts";

/** A case of pairs_expected.py. */
interface Case {
  tokenizer: string;
  text: string;
  pair: string | null;
  special: boolean;
  max_length: number | null;
  truncation: Truncation | null;
  side: "left" | "right" | null;
  ids?: number[];
  type_ids?: number[];
  offsets?: number[];
  error?: string;
}

const FIXTURE = new URL("../fixtures/tokenizer/pairs.expected.jsonl", import.meta.url);
const CASES: Case[] = Deno.readTextFileSync(FIXTURE).trim().split("\n").map((line) =>
  JSON.parse(line)
);

function fileOf(name: string): Uint8Array | object {
  const [file, template] = name.split("+");
  if (!template) return smallFile(name);
  const post_processor = JSON.parse(
    Deno.readTextFileSync(new URL(`pairs.${template}.json`, FIXTURE)),
  );
  return { ...JSON.parse(new TextDecoder().decode(smallFile(file!))), post_processor };
}

/** No truncation, whatever the file says. */
const ALL = 2 ** 31 - 1;

for (const [name, cases] of Map.groupBy(CASES, ({ tokenizer }) => tokenizer)) {
  Deno.test(`the ${name} tokenizer encodes pairs as the native library does`, () => {
    using tokenizer = Tokenizer.load(fileOf(name));
    for (const { text, pair, special, max_length, truncation, side, ...expected } of cases) {
      const options = {
        ...(pair !== null && { pair }),
        typeIds: true,
        addSpecialTokens: special,
        maxLength: max_length ?? ALL,
        ...(truncation && { truncation }),
        ...(side && { truncationSide: side }),
        offsets: "code_points" as const,
      };
      const said = JSON.stringify({ text, pair, special, max_length, truncation, side });
      if (expected.error !== undefined) {
        assert.throws(() => tokenizer.encode(text, options), { name: "RangeError" }, said);
        continue;
      }
      const { ids, typeIds, offsets } = tokenizer.encode(text, options);
      assert.deepEqual([...ids], expected.ids, said);
      assert.deepEqual([...typeIds!], expected.type_ids, `type ids of ${said}`);
      assert.deepEqual(offsets!.flat(), expected.offsets, `offsets of ${said}`);
    }
  });
}

Deno.test("offsets of a pair count in the text that each id is from, in UTF-16 units too", () => {
  for (const name of ["digits", "wordpiece"]) {
    using tokenizer = Tokenizer.load(smallFile(name));
    const [text, pair] = ["😀 a", "b 😀 c"];
    const { ids, typeIds, offsets } = tokenizer.encode(text, { pair, offsets: "utf16" });
    const last = ids.length - (name === "wordpiece" ? 2 : 1);
    assert.deepEqual([typeIds![last], offsets![last]], [1, [5, 6]]);
    assert.equal(pair.slice(...offsets![last]!), "c");
  }
});

Deno.test("a lone text has type ids where they are asked for, the same ids either way", () => {
  using tokenizer = Tokenizer.load(smallFile("roberta"));
  const plain = tokenizer.encode("a whale");
  const typed = tokenizer.encode("a whale", { typeIds: true });
  assert.deepEqual(typed.ids, plain.ids);
  assert.deepEqual([plain.typeIds, [...typed.typeIds!]], [undefined, [...plain.ids].map(() => 0)]);
});

Deno.test('encode() refuses truncation "only_second" without a second text', () => {
  using tokenizer = Tokenizer.load(smallFile("digits"));
  const options = { truncation: "only_second" as const, maxLength: 1 };
  assert.throws(() => tokenizer.encode("a whale", options), {
    name: "RangeError",
    message: 'Cannot encode text: truncation is "only_second", expected a pair that it can cut',
  });
});
