// Ids, offsets and decoded text, compared with the native library's.

import assert from "@std/assert";
import { type EncodeOptions, Tokenizer } from "../../wasm/tokenizer.ts";
import { type Expected, expected, REAL, SMALL, smallFile } from "./tokenizer_fixtures.ts";

/** Compares everything that the native library said about one text. */
function compare(tokenizer: Tokenizer, row: Expected): void {
  const ids = (options: EncodeOptions) => [...tokenizer.encode(row.text, options).ids];
  const said = JSON.stringify(row.text);
  const encoding = tokenizer.encode(row.text, { offsets: "code_points" });
  assert.deepEqual([...encoding.ids], row.ids, said);
  assert.deepEqual(ids({}), row.ids, said);
  assert.deepEqual(encoding.offsets!.flat(), row.offsets, `offsets of ${said}`);
  const plain = row.plain ?? row.ids;
  assert.deepEqual(ids({ addSpecialTokens: false }), plain, said);
  const literal = { addSpecialTokens: false, allowSpecial: false };
  assert.deepEqual(ids(literal), row.literal ?? plain, `literal ${said}`);
  assert.equal(tokenizer.decode(encoding.ids), row.decoded);
  assert.equal(tokenizer.decode(encoding.ids, false), row.kept);
  const stream = tokenizer.decodeStream();
  const pieces = Array.from(encoding.ids, (id) => stream.push(id));
  assert.equal(pieces.join("") + stream.finish(), row.decoded, `streamed ${said}`);
}

for (const name of SMALL) {
  Deno.test(`the ${name} tokenizer gives the native library's ids, offsets and text`, () => {
    using tokenizer = Tokenizer.load(smallFile(name));
    const general = ["merged", "sentencepiece", "unigram", "wordpiece"].includes(name);
    assert.equal(tokenizer.isByteLevel, !general);
    for (const row of expected(name)) compare(tokenizer, row);
  });
}

for (const [name, load] of Object.entries(REAL)) {
  Deno.test(`the ${name} tokenizer gives the native library's ids, offsets and text`, async () => {
    using tokenizer = Tokenizer.load((await load()).default);
    assert.equal(tokenizer.isByteLevel, true);
    for (const row of expected(name)) compare(tokenizer, row);
  });
}
