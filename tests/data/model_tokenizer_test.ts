import assert from "@std/assert";
import { join } from "@std/path";
import { IGNORED_TARGET } from "../../data/example.ts";
import { modelTokenizer } from "../../data/model_tokenizer.ts";
import { rowExamples } from "../../data/rows.ts";
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

const TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}" +
  "{% if add_generation_prompt %}<assistant>{% endif %}";

Deno.test("a row of messages counts what the assistant said, by the model's chat template", async () => {
  await withFolder({ vocab_size: 264, eos_token_id: 0 }, learnt(), async (folder) => {
    const config = JSON.stringify({ chat_template: TEMPLATE });
    await Deno.writeTextFile(join(folder, "tokenizer_config.json"), config);
    const tokenizer = await modelTokenizer(folder);
    const messages = [
      { role: "user", content: "which whale?" },
      { role: "assistant", content: "the white whale" },
    ];
    const rules = { tokenizer, maxLength: 64, completionOnly: true };
    const [example] = rowExamples({ messages }, rules, "row 1");
    assert.equal(
      tokenizer.decode(example!.ids),
      "<user>which whale?\n<assistant>the white whale",
    );
    const counted = example!.targets.filter((target) => target !== IGNORED_TARGET);
    assert.equal(tokenizer.decode(counted), "the white whale");
    const [whole] = rowExamples({ messages }, { ...rules, completionOnly: false }, "row 1");
    assert(whole!.targets.every((target) => target !== IGNORED_TARGET));
  });
});

Deno.test("a row of messages needs a chat template, and says so", async () => {
  await withFolder({ vocab_size: 264, eos_token_id: 0 }, learnt(), async (folder) => {
    const rules = { tokenizer: await modelTokenizer(folder), maxLength: 64, completionOnly: true };
    const row = { messages: [{ role: "user", content: "x" }] };
    assert.throws(() => rowExamples(row, rules, "row 1"), /row 1.*no chat template/);
    assert.throws(() => rowExamples({ messages: [3] }, rules, "row 1"), /objects with a "role"/);
  });
});
