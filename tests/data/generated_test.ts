// Generated datasets: sizes, solutions that are right, and splits that share nothing.

import assert from "@std/assert";
import { DATASETS } from "../../data/datasets.ts";
import { type Example, IGNORED_TARGET } from "../../data/example.ts";
import { chat, type ChatRow } from "../../data/generated/chat.ts";
import { Draw } from "../../data/generated/draw.ts";
import { evaluate } from "../../data/generated/expression.ts";
import { GENERATED } from "../../data/generated/generated.ts";
import { gradeSchool, LEVELS } from "../../data/generated/grade_school.ts";
import { reasoning, type ReasoningRow } from "../../data/generated/reasoning.ts";
import { generateRows } from "../../data/generated/rows.ts";
import { drawProblem } from "../../data/generated/template.ts";
import { loadExamples } from "../../data/load.ts";
import { modelTokenizer } from "../../data/model_tokenizer.ts";

const TINY = new URL("../../data/models/tiny/", import.meta.url).pathname;
const tokenizer = await modelTokenizer(TINY);

for (const { name, splits } of GENERATED) {
  Deno.test(`${name} has the rows and bytes that the registry gives, no row twice`, async () => {
    const seen = new Set<string>();
    let total = 0;
    for (const purpose of ["train", "test"] as const) {
      const options = { purpose, maxLength: 65_536, folder: "", tokenizer };
      const examples = (await loadExamples(name, options))!;
      assert.equal(examples.length, splits[purpose]!.rows);
      const bytes = examples.reduce((sum, { ids }) => sum + ids.length + 1, 0);
      assert.equal(bytes, splits[purpose]!.tokens);
      examples.forEach(({ ids }) => seen.add(ids.join()));
      total += examples.length;
    }
    assert.equal(seen.size, total);
  });
}

Deno.test("a held-out template is not among those that are trained on", () => {
  for (const { train, test } of LEVELS) {
    const known = new Set(train.map(({ question }) => question));
    assert.equal(known.size, train.length);
    assert.ok(test.length >= 3 && test.every(({ question }) => !known.has(question)));
  }
});

Deno.test("the steps of every template hold and lead to its answer", () => {
  for (const template of LEVELS.flatMap(({ train, test }) => [...train, ...test])) {
    for (let row = 0; row < 200; row++) {
      const problem = drawProblem(template, new Draw(1, row), true);
      const text = [problem.question, ...problem.steps].join(" ");
      assert.ok(!/[{}]|undefined|NaN|[ =]-\d/.test(text), text);
      for (const calculation of problem.calculations) {
        const [left, right] = calculation.split("=") as [string, string];
        assert.equal(Function(`return ${left}`)(), Number(right), calculation);
        assert.ok(text.includes(`${left}=<<${calculation}>>${right}`), text);
      }
      assert.ok(Number.isInteger(problem.answer) && problem.answer >= 0, text);
      // Nothing that the problem does not say: every number of the first step is in the question.
      for (const number of problem.calculations[0]!.split("=")[0]!.match(/\d+/g)!) {
        assert.ok(problem.question.includes(number) || template.topic === "percentages", text);
      }
    }
  }
});

Deno.test("level 1 asks for numbers up to 25, one calculation each", () => {
  for (const { answer, level } of gradeSchool([1])("train", 500)) {
    assert.match(answer, /^\d+[-+*/]\d+=(\d+)\n#### \1$/);
    assert.ok(level === 1 && answer.match(/\d+/g)!.every((number) => Number(number) <= 25));
  }
});

Deno.test("no sentence of a test conversation is in one that is trained on", async () => {
  const sentences = async (split: "train" | "test", count: number) =>
    [...await chat(split, count)].map(({ messages }) =>
      messages.find(({ role }) => role === "user")!.content.split("\n\n")[1]!
    );
  const trained = new Set(await sentences("train", 4096));
  for (const sentence of await sentences("test", 512)) assert.ok(!trained.has(sentence), sentence);
});

Deno.test("noregret/tiny reads messages and ShareGPT's turns, and counts what is answered", async () => {
  const read = async (name: string) => {
    const dataset = { name, split: "test", limit: 1 };
    const options = { purpose: "test" as const, maxLength: 4096, folder: "", tokenizer };
    const [{ ids, targets }] = (await loadExamples(dataset, options)) as [Example];
    const counted = targets.filter((target) => target !== IGNORED_TARGET);
    return { text: tokenizer.decode(ids), counted: tokenizer.decode(counted) };
  };
  const [{ conversations: [question, answer] }] = [...reasoning("test", 1)] as [ReasoningRow];
  const trace = await read("noregret/reasoning");
  assert.equal(trace.text, `${question.value}\n\n${answer.value}`);
  assert.equal(trace.counted, `${answer.value}\0`);
  const [{ messages }] = [...await chat("test", 1)] as [ChatRow];
  const said = messages.filter(({ role }) => role === "assistant");
  const talk = await read("noregret/chat");
  assert.equal(talk.counted, said.map(({ content }) => `${content}\0`).join(""));
});

Deno.test("a reasoning trace thinks first and ends with its answer in a box", () => {
  for (const { conversations: [, { value }] } of reasoning("train", 300)) {
    assert.match(value, /^<think>\n[^<]+\n<\/think>\n\n[^<]+\$\\boxed\{.+\}\$\.$/);
  }
});

Deno.test("a larger count goes on after the rows of a smaller one", () => {
  const rows = gradeSchool([1, 2, 3, 4]);
  const some = [...rows("test", 50)];
  assert.deepEqual([...rows("test", 200)].slice(0, 50), some);
  assert.deepEqual(new Set(some.map(({ level }) => level)), new Set([1, 2, 3, 4]));
});

Deno.test("generateRows() says how many rows there are when there are no more", () => {
  const digits = (count: number) =>
    generateRows("digits", count, (draw) => draw.integer(0, 9), String);
  assert.equal(new Set(digits(10)).size, 10);
  assert.throws(() => [...digits(11)], {
    message: "Cannot generate 11 rows of digits: there are 10",
  });
});

Deno.test("evaluate() computes exactly and refuses what is not an integer", () => {
  assert.equal(evaluate("a*(b+2)/4-1", { a: 6, b: 4 }), 8);
  assert.equal(evaluate("12-3-4", {}), 5);
  assert.throws(() => evaluate("a/4", { a: 6 }), { message: /6 \/ 4 is no integer/ });
  assert.throws(() => evaluate("a+c", { a: 6 }), { message: /no value for "c"/ });
  assert.throws(() => evaluate("(1+2", {}), { name: "SyntaxError" });
  assert.throws(() => evaluate("1 2", {}), { name: "SyntaxError" });
});

Deno.test("the registry's datasets have names of their own", () => {
  assert.ok(GENERATED.every((info) => DATASETS.get(info.name) === info));
});
