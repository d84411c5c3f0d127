// Problems out of every schema: the gold answer is the one that the row's own solution gives.

import assert from "@std/assert";
import { BYTE_TOKENIZER } from "../../data/byte_tokenizer.ts";
import { datasetRows } from "../../data/load.ts";
import { loadProblems, problemOf, promptIds } from "../../data/problems.ts";
import { verify } from "../../wasm/verify.ts";

Deno.test("problemOf() reads the schemas of GSM8K, MATH and DeepMath", () => {
  assert.deepEqual(
    problemOf({ question: "How many?", answer: "2+2=<<2+2=4>>4 cups.\n#### 1,004" }),
    { prompt: "How many?", gold: "$1,004$" },
  );
  const solution = "First $\\boxed{1}$, so it is $\\boxed{\\frac{1}{\\sqrt{2}}}$ in all.";
  assert.deepEqual(
    problemOf({ problem: "Find $x$.", level: "Level 5", type: "Algebra", solution }),
    { prompt: "Find $x$.", gold: "$\\frac{1}{\\sqrt{2}}$", level: "Level 5", topic: "Algebra" },
  );
  assert.deepEqual(
    problemOf({
      question: "Find it.",
      final_answer: "\\infty",
      difficulty: 6.5,
      topic: "Calculus",
      r1_solution_1: "…",
    }),
    { prompt: "Find it.", gold: "$\\infty$", level: "6.5", topic: "Calculus" },
  );
  assert.equal(problemOf({ problem: "Find $y$.", answer: "$3$" })!.gold, "$3$");
});

Deno.test("problemOf() gives nothing where there is no answer to verify", () => {
  assert.equal(problemOf({ question: "Why?", answer: "Because.\n\nSo it is." }), undefined);
  assert.equal(problemOf({ question: "Why?" }), undefined);
  assert.equal(problemOf({ text: "Once" }), undefined);
  assert.equal(problemOf({ question: "Why?", answer: "No end: \\boxed{1" }), undefined);
});

Deno.test("every problem of a generated dataset has a gold answer that its solution meets", async () => {
  for (const name of ["noregret/grade-school", "noregret/competition"]) {
    const dataset = { name, limit: 400 };
    const problems = await loadProblems(dataset, { purpose: "test", folder: "" });
    const { rows } = (await datasetRows(dataset, { purpose: "test", folder: "" }))!;
    assert.equal(problems!.length, 400);
    problems!.forEach(({ gold, level, topic }, index) => {
      const solution = String(rows[index]!.answer ?? rows[index]!.solution);
      assert.ok(verify(gold, solution).equal, solution);
      assert.ok(!verify(gold, "The answer is $\\boxed{-17.25}$.").equal, gold);
      assert.ok(level && topic);
    });
  }
});

Deno.test("loadProblems() passes over rows without an answer, and refuses a file of such", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const rows = ['{"question":"1+1?","answer":"2"}', '{"question":"Why?"}'];
    await Deno.writeTextFile(`${folder}/some.jsonl`, rows.join("\n"));
    await Deno.writeTextFile(`${folder}/none.jsonl`, rows[1]!);
    const load = (file: string) => loadProblems({ file }, { purpose: "train", folder });
    assert.deepEqual(await load("some.jsonl"), [{ prompt: "1+1?", gold: "$2$" }]);
    await assert.rejects(load("none.jsonl"), {
      name: "RangeError",
      message:
        /Cannot verify answers to none\.jsonl: none of its 1 rows has one, expected "question"/,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("promptIds() are the ids before the first that fine-tuning counts", () => {
  assert.equal(BYTE_TOKENIZER.decode(promptIds("1+1?", BYTE_TOKENIZER)), "1+1?\n\n");
});
