import assert from "@std/assert";
import { join } from "@std/path";
import { modelTokenizer } from "../../data/model_tokenizer.ts";
import { trainTokenizer } from "../../wasm/tokenizer.ts";

async function withFolder(
  config: Record<string, unknown>,
  tokenizer: string | undefined,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "noregret-" });
  try {
    await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(config));
    if (tokenizer) await Deno.writeTextFile(join(folder, "tokenizer.json"), tokenizer);
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const learnt = () =>
  trainTokenizer(["the whale, the whale, the white whale"], {
    vocabSize: 264,
    specialTokens: ["<|endoftext|>"],
  });

Deno.test("modelTokenizer() reads bytes where a model has no tokenizer.json", async () => {
  await withFolder({ vocab_size: 256 }, undefined, async (folder) => {
    const tokenizer = await modelTokenizer(folder);
    assert.deepEqual([...tokenizer.encode("aé")], [97, 0xc3, 0xa9]);
    assert.equal(tokenizer.eosId, 0);
  });
});

Deno.test("modelTokenizer() takes the model's own tokeniser, and adds no special tokens", async () => {
  await withFolder({ vocab_size: 264, eos_token_id: [0, 1] }, learnt(), async (folder) => {
    const tokenizer = await modelTokenizer(folder);
    const ids = tokenizer.encode("the whale");
    assert(ids.length < 9, `${ids}`);
    assert.equal(tokenizer.decode(ids), "the whale");
    assert.equal(tokenizer.eosId, 0);
    // A special token that a text happens to spell ends nothing.
    assert(!tokenizer.encode("<|endoftext|>").includes(0));
  });
});

Deno.test("modelTokenizer() says what is missing where no token ends a document", async () => {
  await withFolder({ vocab_size: 264 }, learnt(), async (folder) => {
    await assert.rejects(modelTokenizer(folder), /"eos_token_id" is undefined/);
  });
});
