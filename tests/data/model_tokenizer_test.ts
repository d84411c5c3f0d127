import assert from "@std/assert";
import { join } from "@std/path";
import { modelTokenizer } from "../../data/model_tokenizer.ts";
import { IGNORED_TARGET } from "../../data/example.ts";
import { openModelText } from "../../data/model_text.ts";
import { promptIds } from "../../data/problems.ts";
import type { JsonRow } from "../../data/row_shape.ts";
import { rowExamples } from "../../data/rows.ts";
import { byteTokenizerFile } from "../../wasm/byte_tokenizer.ts";
import { smallFile } from "../wasm/tokenizer_fixtures.ts";

Deno.test("a tokeniser with more tokens than the model's embedding has rows is refused", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = smallFile("roberta");
    await Deno.writeFile(join(folder, "tokenizer.json"), file);
    const { model: { vocab } } = JSON.parse(new TextDecoder().decode(file));
    const size = 1 + Math.max(...Object.values(vocab as Record<string, number>));
    const write = (vocab_size: number) =>
      Deno.writeTextFile(
        join(folder, "config.json"),
        JSON.stringify({ vocab_size, eos_token_id: 1 }),
      );
    const message = new RegExp(
      `is token ${size - 1} of tokenizer\\.json, config\\.json's "vocab_size" is ${
        size - 1
      }: expected`,
    );
    await write(size - 1);
    await assert.rejects(modelTokenizer(folder), { name: "RangeError", message });
    await assert.rejects(openModelText(folder), { name: "RangeError", message });
    // One with spare rows is common.
    await write(size + 64);
    assert.equal((await modelTokenizer(folder)).vocabSize, size + 64);
    assert((await openModelText(folder)).tokenizer);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("texts and prompts begin as the tokeniser begins them, as in TRL", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = byteTokenizerFile() as Record<string, unknown>;
    const special = { special: true, normalized: false, lstrip: false, rstrip: false };
    const token = { ...special, single_word: false, id: 256, content: "<bos>" };
    const first = { SpecialToken: { id: "<bos>", type_id: 0 } };
    const text = { Sequence: { id: "A", type_id: 0 } };
    const postProcessor = {
      type: "TemplateProcessing",
      single: [first, text],
      pair: [first, text, { Sequence: { id: "B", type_id: 1 } }],
      special_tokens: { "<bos>": { id: "<bos>", ids: [256], tokens: ["<bos>"] } },
    };
    const write = (name: string, json: object) =>
      Deno.writeTextFile(join(folder, name), JSON.stringify(json));
    await write("config.json", { vocab_size: 257, eos_token_id: 0 });
    await write("tokenizer.json", {
      ...file,
      added_tokens: [token],
      post_processor: postProcessor,
    });
    const tokenizer = await modelTokenizer(folder);
    assert.deepEqual(tokenizer.bosIds, [256]);
    const rules = { tokenizer, maxLength: 4, completionOnly: true };
    const ids = (row: JsonRow) =>
      rowExamples(row, rules, "row").map(({ ids, targets }) => [[...ids], [...targets]]);
    const [a, b, c] = [97, 98, 99];
    assert.deepEqual(ids({ prompt: "a", completion: "bc" }), [
      [[256, a, b, c], [IGNORED_TARGET, b, c, 0]],
    ]);
    assert.deepEqual(ids({ prompt: "", completion: "b" }), [[[256, b], [b, 0]]]);
    // Once a document, not once a window.
    assert.deepEqual(ids({ text: "abcab" }), [
      [[256, a, b, c], [a, b, c, a]],
      [[a, b], [b, 0]],
    ]);
    assert.deepEqual([ids({ text: "" }), ids({ prompt: "", completion: "" })], [[], []]);
    assert.deepEqual([...promptIds("a", tokenizer)], [256, a, 10, 10]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
