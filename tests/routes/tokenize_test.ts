import assert from "@std/assert";
import { join } from "@std/path";
import { OpenAPIHono } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import { validation } from "../../routes/problem.ts";
import { tokenizeRoutes } from "../../routes/tokenize.ts";
import { expected, smallFile } from "../wasm/tokenizer_fixtures.ts";

interface Result {
  ids: number[];
  tokens: string[];
  offsets: [number, number][];
  type_ids?: number[];
  assistant_mask: number[];
  text: string;
}

interface Answer {
  errors: { path: string; message: string; allowed?: string[] }[];
  results: Result[];
  texts: string[];
}

/** A service whose home has one model, and its answer to a request. */
async function withModel(
  call: (
    post: (path: string, body: unknown) => Promise<{ status: number; answer: Answer }>,
    home: string,
  ) => Promise<void>,
): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    const folder = join(home, "models/small");
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeFile(join(folder, "tokenizer.json"), smallFile("roberta"));
    const app = new OpenAPIHono();
    app.route("/v1", tokenizeRoutes({ home }, validation));
    app.onError((error, c) =>
      error instanceof HTTPException
        ? c.json({ detail: error.message }, error.status)
        : c.json({ detail: `${error}` }, 500)
    );
    await call(async (path, body) => {
      const response = await app.request(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      return { status: response.status, answer: await response.json() };
    }, home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("POST /v1/tokenize gives the native library's ids, tokens and offsets", async () => {
  await withModel(async (post) => {
    const rows = expected("roberta").slice(0, 20);
    const texts = rows.map((row) => row.text);
    const { status, answer } = await post("/v1/tokenize", { model: "small", texts });
    assert.equal(status, 200);
    for (const [i, { ids, offsets, tokens }] of answer.results.entries()) {
      assert.deepEqual(ids, rows[i]!.ids);
      assert.deepEqual(offsets.flat(), rows[i]!.offsets);
      assert.equal(tokens.length, ids.length);
    }
    const { answer: plain } = await post("/v1/tokenize", {
      model: "small",
      texts: ["</s>"],
      add_special_tokens: false,
    });
    assert.deepEqual(plain.results, [{ ids: [1], tokens: ["</s>"], offsets: [[0, 4]] }]);
  });
});

Deno.test("POST /v1/tokenize reads pairs of texts as the native library does", async () => {
  const fixture = new URL("../fixtures/tokenizer/pairs.expected.jsonl", import.meta.url);
  const cases = (await Deno.readTextFile(fixture)).trim().split("\n").map((line) =>
    JSON.parse(line)
  )
    .filter((each) =>
      each.tokenizer === "roberta" && each.pair !== null && each.special && each.ids &&
      each.side !== "left"
    );
  assert(cases.some(({ truncation }) => truncation !== null) && cases.length > 3);
  await withModel(async (post) => {
    for (const { text, pair, max_length, truncation, ids, type_ids, offsets } of cases) {
      const { answer: { results: [result] } } = await post("/v1/tokenize", {
        model: "small",
        texts: [text],
        text_pairs: [pair],
        ...(max_length !== null && { max_length }),
        ...(truncation && { truncation }),
      });
      assert.deepEqual(result!.ids, ids);
      assert.deepEqual(result!.type_ids, type_ids);
      if (offsets) assert.deepEqual(result!.offsets.flat(), offsets);
    }
    const uneven = { model: "small", texts: ["a", "b"], text_pairs: ["c"] };
    const refused = await post("/v1/tokenize", uneven);
    assert.equal(refused.status, 422);
    assert.deepEqual(refused.answer.errors.map(({ path }) => path), ["/text_pairs"]);
    const alone = { model: "small", texts: ["a"], truncation: "only_first" };
    assert.equal((await post("/v1/tokenize", alone)).status, 422);
  });
});

Deno.test("POST /v1/tokenize takes special tokens in the text literally if asked", async () => {
  await withModel(async (post) => {
    const body = { model: "small", texts: ["a</s>"], add_special_tokens: false };
    const { answer: known } = await post("/v1/tokenize", body);
    const { answer: literal } = await post("/v1/tokenize", { ...body, allow_special: false });
    assert(known.results[0]!.ids.includes(1));
    assert(!literal.results[0]!.ids.includes(1));
  });
});

Deno.test("POST /v1/tokenize renders messages and masks the assistant", async () => {
  await withModel(async (post, home) => {
    const body = {
      model: "small",
      messages: [{ role: "user", content: "hi" }, { role: "assistant", content: "yes" }],
    };
    assert.equal((await post("/v1/tokenize", body)).status, 422);
    const template =
      "{% for m in messages %}{{ m.role }}: {% generation %}{{ m.content }}{% endgeneration %}</s>{% endfor %}";
    await Deno.mkdir(join(home, "models/chat"));
    await Deno.writeFile(join(home, "models/chat/tokenizer.json"), smallFile("roberta"));
    await Deno.writeTextFile(join(home, "models/chat/chat_template.jinja"), template);
    const { status, answer } = await post("/v1/tokenize", { ...body, model: "chat" });
    assert.equal(status, 200);
    const { ids, tokens, offsets, assistant_mask, text } = answer.results[0]!;
    assert.equal(text, "user: hi</s>assistant: yes</s>");
    assert(ids.length === tokens.length && ids.length === offsets.length);
    const spoken = offsets.filter((_, i) => assistant_mask[i]);
    assert.deepEqual([spoken.at(-1)![1]], [text.indexOf("yes") + 3]);
  });
});

Deno.test("POST /v1/detokenize undoes POST /v1/tokenize", async () => {
  await withModel(async (post) => {
    const texts = [" one two", " 😀 é"];
    const { answer } = await post("/v1/tokenize", { model: "small", texts });
    const ids = answer.results.map((each) => each.ids);
    assert.deepEqual((await post("/v1/detokenize", { model: "small", ids })).answer, { texts });
    const kept = await post("/v1/detokenize", {
      model: "small",
      ids: [[0, 1]],
      skip_special_tokens: false,
    });
    assert.deepEqual(kept.answer, { texts: ["<s></s>"] });
  });
});

Deno.test("models that are not there answer 404, and names that lead out 422", async () => {
  await withModel(async (post, home) => {
    const status = async (model: string) =>
      (await post("/v1/tokenize", { model, texts: ["a"] })).status;
    assert.equal(await status("absent"), 404);
    assert.equal(await status("noregret/absent"), 404);
    await Deno.mkdir(join(home, "outside"));
    await Deno.writeFile(join(home, "outside/tokenizer.json"), smallFile("roberta"));
    await Deno.symlink(join(home, "outside"), join(home, "models/link"));
    await Deno.mkdir(join(home, "models/file"));
    await Deno.symlink(
      join(home, "outside/tokenizer.json"),
      join(home, "models/file/tokenizer.json"),
    );
    for (
      const name of ["../outside", "small/../../outside", "/etc", "small/", "a\\b", "link", "file"]
    ) {
      assert.equal(await status(name), 422, name);
    }
  });
});

Deno.test("a model of 256 tokens without a tokenizer.json reads bytes", async () => {
  await withModel(async (post, home) => {
    await Deno.mkdir(join(home, "models/bytes"));
    const body = { model: "bytes", texts: ["a\0é\u00ad \x7f"] };
    assert.equal((await post("/v1/tokenize", body)).status, 404);
    await Deno.writeTextFile(join(home, "models/bytes/config.json"), '{"vocab_size": 256}');
    const { answer } = await post("/v1/tokenize", body);
    const { ids } = answer.results[0]!;
    assert.deepEqual(ids, [...new TextEncoder().encode(body.texts[0])]);
    const back = await post("/v1/detokenize", { model: "bytes", ids: [ids] });
    assert.deepEqual(back.answer, { texts: body.texts });
  });
});

Deno.test("a request with both, neither or unknown keys is refused", async () => {
  await withModel(async (post) => {
    const texts = ["a"];
    const messages = [{ role: "user", content: "a" }];
    for (
      const body of [{}, { texts, messages }, { texts, unknown: 1 }, { texts: [] }, { texts: [1] }]
    ) {
      const { status } = await post("/v1/tokenize", { model: "small", ...body });
      assert.equal(status, 422, JSON.stringify(body));
    }
    assert.equal(
      (await post("/v1/tokenize", { model: "small", texts, max_length: 1 })).status,
      422,
    );
    assert.equal((await post("/v1/detokenize", { model: "small", ids: [[-1]] })).status, 422);
  });
});

Deno.test("POST /v1/tokenize and /v1/detokenize list the names allowed beside an unknown one", async () => {
  await withModel(async (post) => {
    const { status, answer } = await post("/v1/tokenize", {
      model: "small",
      texts: [""],
      special: 1,
    });
    assert.equal(status, 422);
    assert.equal(answer.errors[0]!.path, "/special");
    assert(answer.errors[0]!.allowed!.includes("allow_special"));
    const { answer: other } = await post("/v1/detokenize", {
      model: "small",
      ids: [[]],
      texts: [],
    });
    assert.deepEqual(other.errors[0]!.allowed, ["model", "ids", "skip_special_tokens"]);
  });
});

Deno.test("POST /v1/detokenize names the first of many bad ids", async () => {
  await withModel(async (post) => {
    const ids = [[1], [1, 2, ...Array(300_000).fill(-1)]];
    const { status, answer } = await post("/v1/detokenize", { model: "small", ids });
    assert.equal(status, 422);
    assert.equal(answer.errors.length, 1);
    assert.equal(answer.errors[0]!.path, "/ids/1/2");
    assert.match(answer.errors[0]!.message, /from 0 to 4294967295, but found -1/);
    const lists = Array(300_000).fill([-1]);
    assert.equal((await post("/v1/detokenize", { model: "small", ids: lists })).status, 422);
  });
});
