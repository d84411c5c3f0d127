import assert from "@std/assert";
import { join } from "@std/path";
import { modelTokenizer } from "../../data/model_tokenizer.ts";
import { openModelText } from "../../data/model_text.ts";
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
