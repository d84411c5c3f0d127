import assert from "@std/assert";
import { BYTE_TOKENIZER } from "../../data/byte_tokenizer.ts";
import { isHeldOut } from "../../data/held_out.ts";
import { type JsonRow, rowKey, rowShape } from "../../data/row_shape.ts";
import { rowExamples } from "../../data/rows.ts";

Deno.test("rowShape() reads the schemas that data sets come in", () => {
  const turns = [{ role: "user", content: "a" }, { role: "assistant", content: "b" }];
  const cases: [JsonRow, ReturnType<typeof rowShape>][] = [
    [{ text: "a" }, { kind: "text", text: "a" }],
    [{ messages: turns, source: "x" }, { kind: "messages", messages: turns }],
    [
      { conversations: [{ from: "human", value: "a" }, { from: "gpt", value: "b" }] },
      { kind: "messages", messages: turns },
    ],
    [
      { prompt: "a", completion: "b" },
      { kind: "completion", prompt: "a", completion: "b", asked: false },
    ],
    [
      { prompt: turns.slice(0, 1), completion: turns.slice(1) },
      { kind: "messages", messages: turns },
    ],
    [
      { problem: "a", solution: "b", level: "Level 1" },
      { kind: "completion", prompt: "a", completion: "b", asked: true },
    ],
    [
      { question: "a", answer: "b" },
      { kind: "completion", prompt: "a", completion: "b", asked: true },
    ],
    [{ input_ids: [1, 2] }, { kind: "ids", ids: [1, 2], labels: undefined }],
    // What is null is not there: parquet files have every column in every row.
    [{ messages: null, text: "a" }, { kind: "text", text: "a" }],
  ];
  for (const [row, shape] of cases) assert.deepEqual(rowShape(row, "row 1"), shape);
});

Deno.test("rowShape() reads columns under a data set's own names", () => {
  const row = { question: "a", r1_solution_1: "b", r1_solution_2: "c" };
  const names = { problem: "question", solution: "r1_solution_1" };
  assert.deepEqual(rowShape(row, "row 1", names), {
    kind: "completion",
    prompt: "a",
    completion: "b",
    asked: true,
  });
  assert.throws(() => rowShape(row, "row 1", { text: "body" }), {
    name: "RangeError",
    message: 'Cannot read row 1: it has no column "body" for "text": ' +
      'expected one of "question", "r1_solution_1", "r1_solution_2"',
  });
});

Deno.test("rowShape() names the row, the column and what is allowed", () => {
  const cases: [JsonRow, RegExp][] = [
    [{ txt: "a" }, /rows\.jsonl:3: it has the columns "txt", expected "input_ids", or "messages"/],
    [{ text: 3 }, /rows\.jsonl:3: column "text" is 3, expected a string/],
    [{ prompt: "a", completion: [1] }, /column "completion" is \[1\], expected a string/],
    [{ messages: [] }, /column "messages" is \[\], expected a list of objects with a "role"/],
    [{ messages: [{ role: "user" }, 4] }, /column "messages" has 4 at 1/],
    [
      { conversations: [{ from: "narrator", value: "a" }] },
      /the speaker "narrator", expected one of "human", "user", "gpt"/,
    ],
  ];
  for (const [row, message] of cases) {
    assert.throws(() => rowShape(row, "rows.jsonl:3"), { name: "RangeError", message });
  }
});

Deno.test("a question becomes a turn where the model has a chat template, and text where it has none", () => {
  const rules = { tokenizer: BYTE_TOKENIZER, maxLength: 16, completionOnly: true };
  const row = { question: "a", answer: "b" };
  const [plain] = rowExamples(row, rules, "row 1");
  assert.equal(BYTE_TOKENIZER.decode(plain!.ids), "a\n\nb");
  const seen: unknown[] = [];
  const tokenizer = {
    ...BYTE_TOKENIZER,
    conversation: (messages: unknown) => {
      seen.push(messages);
      return { input_ids: [1, 2], labels: [-100, 2] };
    },
  };
  rowExamples(row, { ...rules, tokenizer }, "row 1");
  assert.deepEqual(seen, [[
    { role: "user", content: "a" },
    { role: "assistant", content: "b" },
  ]]);
});

Deno.test("a conversation that the template cannot render or mask is named by its row", () => {
  const conversation = () => {
    throw new TypeError("Cannot render messages: roles must alternate");
  };
  const rules = {
    tokenizer: { ...BYTE_TOKENIZER, conversation },
    maxLength: 16,
    completionOnly: true,
  };
  assert.throws(() => rowExamples({ question: "a", answer: "b" }, rules, "rows.jsonl:7"), {
    name: "RangeError",
    message: "Cannot read rows.jsonl:7: Cannot render messages: roles must alternate",
  });
});

Deno.test("isHeldOut() keeps every answer to a question, and copies of it, on one side", () => {
  const rows = Array.from(
    { length: 2000 },
    (_, i): JsonRow => ({ question: `q ${i}?`, answer: "1" }),
  );
  const key = (row: JsonRow) => rowKey(rowShape(row, "row"));
  const held = rows.filter((row) => isHeldOut(key(row), 0.1));
  // Binomial(2000, 0.1): five standard deviations are 67.
  assert.ok(Math.abs(held.length - 200) < 67, `${held.length}`);
  for (const row of rows.slice(0, 300)) {
    const side = isHeldOut(key(row), 0.1);
    assert.equal(isHeldOut(key({ ...row, answer: "another" }), 0.1), side);
    assert.equal(
      isHeldOut(key({ ...row, question: ` ${row.question}\n`.toUpperCase() }), 0.1),
      side,
    );
    const messages = [
      { role: "system", content: "s" },
      { role: "user", content: row.question },
      { role: "assistant", content: "1" },
    ];
    assert.equal(isHeldOut(key({ messages }), 0.1), side);
    assert.ok(!side || isHeldOut(key(row), 0.2), "a larger share holds the smaller one");
  }
});
