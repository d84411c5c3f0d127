import assert from "@std/assert";
import { join } from "@std/path";
import { loadTokenizer } from "../../wasm/load_tokenizer.ts";
import { parseTrainArguments, train } from "../../wasm/train_tokenizer.ts";

Deno.test("tokenizer:train writes a folder that loads and compresses its corpus", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const text = "the lower, the lowest\nthe newer, the newest\n".repeat(20);
    await Deno.writeTextFile(join(folder, "a.txt"), text);
    await Deno.writeTextFile(join(folder, "b.jsonl"), `${JSON.stringify({ text })}\n\n`);
    const out = join(folder, "out");
    const args = ["--input", join(folder, "a.txt"), "--input", join(folder, "b.jsonl")];
    const options = parseTrainArguments([...args, "--vocab-size", "270", "--out", out]);
    assert.match(await train(options), /^270 tokens, [\d.]+ bytes a token on 1760 bytes/);
    const { tokenizer } = await loadTokenizer(out);
    assert.equal(tokenizer.vocabSize, 270);
    assert.equal(tokenizer.idToToken(0), "<|endoftext|>");
    assert(tokenizer.encode(text).ids.length < text.length / 2);
    assert.deepEqual([...Deno.readDirSync(out)].map((entry) => entry.name).sort(), [
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("tokenizer:train names the option that is missing or wrong", () => {
  const good = ["--input", "a", "--out", "b", "--vocab-size", "300"];
  assert.deepEqual(parseTrainArguments(good).special, ["<|endoftext|>"]);
  assert.throws(() => parseTrainArguments(good.slice(2)), /--input/);
  assert.throws(() => parseTrainArguments(good.slice(0, 2).concat(good.slice(4))), /--out/);
  assert.throws(() => parseTrainArguments(good.slice(0, 4)), /--vocab-size/);
  assert.throws(() => parseTrainArguments([...good, "--vocab-size", "x"]), /--vocab-size/);
  assert.throws(() => parseTrainArguments([...good, "--min-frequency", "-1"]), TypeError);
  assert.throws(() => parseTrainArguments([...good, "--unknown"]), TypeError);
});
