// OpenAI's own client against the service.

import assert from "@std/assert";
import { join } from "@std/path";
import OpenAI from "openai";
import { makeApp } from "./make_app.ts";

/** Turns of a model that reads bytes. */
const TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}" +
  "{% if add_generation_prompt %}<assistant>{% endif %}";

/** The shipped model under another name, with a chat template. */
async function makeChatModel(models: string): Promise<void> {
  const shipped = new URL("../../data/models/tiny/", import.meta.url);
  const folder = join(models, "chat");
  await Deno.mkdir(folder);
  for (const file of ["config.json", "model.safetensors"]) {
    await Deno.copyFile(new URL(file, shipped), join(folder, file));
  }
  await Deno.writeTextFile(join(folder, "chat_template.jinja"), TEMPLATE);
}

function clientOf({ app }: Awaited<ReturnType<typeof makeApp>>): OpenAI {
  return new OpenAI({
    apiKey: "none",
    baseURL: "http://service/v1",
    maxRetries: 0,
    fetch: async (url, init) => await app.request(String(url).slice(14), init),
  });
}

Deno.test("OpenAI's client", async (t) => {
  await using service = await makeApp();
  await makeChatModel(join(service.home, "models"));
  const client = clientOf(service);
  const messages = [
    { role: "system" as const, content: "Speak." },
    { role: "user" as const, content: "Call me" },
  ];
  const rendered = "<system>Speak.\n<user>Call me\n<assistant>";
  const options = { model: "chat", messages, max_tokens: 20, seed: 3, n: 2 };

  await t.step("chat.completions.create()", async () => {
    const answer = await client.chat.completions.create({ ...options, logprobs: true });
    assert.equal(answer.object, "chat.completion");
    assert.equal(answer.model, "chat");
    assert.deepEqual(answer.choices.map(({ index }) => index), [0, 1]);
    for (const { message, finish_reason, logprobs } of answer.choices) {
      assert.equal(message.role, "assistant");
      assert.equal(finish_reason, "length");
      assert.equal(logprobs!.content!.length, 20);
      assert(logprobs!.content!.every(({ logprob }) => logprob <= 0));
    }
    assert.deepEqual(answer.usage, {
      prompt_tokens: rendered.length,
      completion_tokens: 40,
      total_tokens: rendered.length + 40,
    });
    const again = await client.chat.completions.create({ ...options, logprobs: true });
    assert.deepEqual(again.choices, answer.choices);
  });

  await t.step("chat.completions.create({ stream: true }) gives the same, in pieces", async () => {
    const whole = await client.chat.completions.create(options);
    const stream = await client.chat.completions.create({
      ...options,
      stream: true,
      stream_options: { include_usage: true },
    });
    const texts = ["", ""];
    const reasons: unknown[] = [];
    let pieces = 0;
    let usage: unknown;
    for await (const chunk of stream) {
      assert.equal(chunk.object, "chat.completion.chunk");
      for (const { index, delta, finish_reason } of chunk.choices) {
        texts[index]! += delta.content ?? "";
        if (finish_reason) reasons[index] = finish_reason;
        pieces++;
      }
      usage = chunk.usage ?? usage;
    }
    assert.deepEqual(texts, whole.choices.map(({ message }) => message.content));
    assert.deepEqual(reasons, ["length", "length"]);
    assert.deepEqual(usage, whole.usage);
    assert(pieces > 10, `${pieces} pieces`);
  });

  await t.step("completions.create(), whole and streamed, with stop strings", async () => {
    const asked = {
      model: "noregret/tiny",
      prompt: ["It was ", "Call me "],
      max_tokens: 30,
      temperature: 0,
    };
    const free = await client.completions.create({ ...asked, logprobs: 0 });
    assert.deepEqual(free.choices.map(({ index }) => index), [0, 1]);
    const [first] = free.choices as [typeof free.choices[0]];
    assert.equal(first.logprobs!.tokens!.join(""), first.text);
    assert.deepEqual(first.logprobs!.text_offset, Array.from({ length: 30 }, (_, i) => i));
    for (const temperature of [1e-30, 1e-40, 1e-300]) {
      const { choices: [cold] } = await client.completions.create({ ...asked, temperature });
      assert.equal(cold!.text, first.text);
    }
    const stop = first.text.slice(10, 13);
    const stopped = await client.completions.create({ ...asked, stop });
    assert.equal(stopped.choices[0]!.text, first.text.slice(0, first.text.indexOf(stop)));
    assert.equal(stopped.choices[0]!.finish_reason, "stop");
    const texts = ["", ""];
    for await (const chunk of await client.completions.create({ ...asked, stop, stream: true })) {
      for (const { index, text } of chunk.choices) texts[index]! += text;
    }
    assert.deepEqual(texts, stopped.choices.map(({ text }) => text));
    const ids = [...new TextEncoder().encode("It was ")];
    const { choices: [same] } = await client.completions.create({ ...asked, prompt: ids });
    assert.equal(same!.text, first.text);
  });

  await t.step(
    "characters of several tokens: bytes and offsets of each, whole and streamed",
    async () => {
      // At this temperature bytes are drawn that begin and go on with characters, or do neither.
      const drawn = { model: "chat", max_tokens: 60, temperature: 100, seed: 5 };
      const chat = await client.chat.completions.create({ ...drawn, messages, logprobs: true });
      const bytes = chat.choices[0]!.logprobs!.content!.flatMap(({ bytes }) => bytes!);
      assert.ok(bytes.some((byte) => byte >= 0x80));
      const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
      // Byte 0 is the end, which is no part of the text.
      const text = decoder.decode(Uint8Array.from(bytes)).replace(/\0$/, "");
      assert.equal(text, chat.choices[0]!.message.content);

      const asked = { ...drawn, prompt: "It was ", logprobs: 0 };
      const { choices: [whole] } = await client.completions.create(asked);
      const begins = (byte: number) => (byte & 0xc0) !== 0x80;
      const { tokens, text_offset } = whole!.logprobs!;
      assert.equal(tokens!.length, text_offset!.length);
      const { completions: [own] } = await (await service.app.request("/v1/generate", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({
          ...{ model: "chat", prompts: ["It was "], max_new_tokens: 60, temperature: 100, seed: 5 },
        }),
      })).json();
      const expected = (own.ids as number[]).map((byte, i, all) => {
        const begun = all.slice(0, i).filter(begins).length;
        return begins(byte) ? begun : Math.max(0, begun - 1);
      });
      assert.deepEqual(text_offset, expected);
      const offsets: number[] = [];
      for await (const chunk of await client.completions.create({ ...asked, stream: true })) {
        for (const { logprobs } of chunk.choices) offsets.push(...logprobs!.text_offset!);
      }
      assert.deepEqual(offsets, text_offset);
    },
  );

  await t.step("a message may come in parts of text", async () => {
    const ask = (content: OpenAI.ChatCompletionContentPart[] | string) =>
      client.chat.completions.create({ ...options, messages: [{ role: "user", content }] });
    const parts = ["Call", "me"].map((text) => ({ type: "text" as const, text }));
    assert.deepEqual((await ask(parts)).choices, (await ask("Call\nme")).choices);
    await assert.rejects(ask([{ type: "image_url", image_url: { url: "x" } }]), {
      status: 400,
      message: /messages: .*a part of type "image_url", expected "text"/,
    });
  });

  await t.step("models.list()", async () => {
    const names: string[] = [];
    for await (const { id } of client.models.list()) names.push(id);
    assert.deepEqual(names.toSorted(), ["chat", "noregret/tiny", "noregret/tiny-moe", "tiny"]);
  });

  await t.step("a stream that is left gives its place back", async () => {
    // How long a quarter of it takes is what another service shows, whose client stays.
    await using other = await makeApp();
    const long = { model: "noregret/tiny", prompt: "x", max_tokens: 500 };
    const stays = new AbortController();
    const whole = clientOf(other).completions.create({ ...long, n: 32 }, { signal: stays.signal })
      .then(() => "32 × 500 tokens", () => "stopped");
    const stream = await client.completions.create({ ...long, n: 128, stream: true });
    for await (const _ of stream) break;
    const next = client.completions.create({ model: "chat", prompt: "x", max_tokens: 2 })
      .then(() => "2 tokens");
    assert.equal(await Promise.race([whole, next]), "2 tokens");
    stays.abort();
    await whole;
  });

  await t.step("errors are those that the client knows", async () => {
    const ask = (changes: object) => () =>
      client.chat.completions.create({ ...options, ...changes } as typeof options);
    const fails = async (call: () => Promise<unknown>, type: unknown, message: RegExp) => {
      await assert.rejects(call, (error: Error) => {
        assert(error instanceof (type as typeof OpenAI.APIError), `${error}`);
        assert.match(error.message, message);
        return true;
      });
    };
    await fails(ask({ model: "chatt" }), OpenAI.NotFoundError, /did you mean "chat"/);
    await fails(ask({ model: "chat:none" }), OpenAI.NotFoundError, /Unknown adapter "none"/);
    await fails(ask({ model: "a:b:c" }), OpenAI.BadRequestError, /model:adapter/);
    await fails(ask({ tools: [] }), OpenAI.BadRequestError, /Unknown key "tools"/);
    await fails(ask({ n: 1000 }), OpenAI.BadRequestError, /at most 128/);
    await fails(ask({ presence_penalty: 1 }), OpenAI.BadRequestError, /presence_penalty/);
    await fails(ask({ messages: [] }), OpenAI.BadRequestError, /at least 1/);
    await fails(ask({ max_tokens: 5000, stream: true }), OpenAI.BadRequestError, /in all|expected/);
    await fails(
      () => client.completions.create({ model: "chat", prompt: "" }),
      OpenAI.BadRequestError,
      /prompt/,
    );
    await assert.rejects(
      () => client.completions.create({ model: "chat", prompt: [[1, 300]] }),
      {
        status: 400,
        param: "prompt/0",
        message: /prompt\/0: .* token 300, the model knows 0 to 255/,
      },
    );
    await fails(
      () => client.completions.create({ model: "chat", prompt: Array(256).fill("x"), n: 5 }),
      OpenAI.BadRequestError,
      /n: Expected at most 1024 completions in all but found 1280/,
    );
    await fails(
      () => client.completions.create({ model: "tiny", prompt: "x" }),
      OpenAI.BadRequestError,
      /no tokeniser/,
    );
  });
});
