import assert from "@std/assert";
import { BYTE_TOKENIZER } from "../../data/byte_tokenizer.ts";
import { gradeAnswers, prepareProblems } from "../../data/math_task.ts";

const problem = (prompt: string, gold: string) => ({ prompt, gold });

Deno.test("prepareProblems() skips gold answers that cannot be read and prompts that are too long", () => {
  const { problems, unverifiable, tooLong } = prepareProblems(
    [
      problem("2+2?", "$4$"),
      problem("What?", "$\\frac{$"),
      problem("x".repeat(100), "$1$"),
      problem("Half?", "$\\frac12$"),
    ],
    BYTE_TOKENIZER,
    16,
  );
  assert.deepEqual(problems.map(({ prompt }) => prompt), ["2+2?", "Half?"]);
  assert.deepEqual([unverifiable, tooLong], [1, 1]);
  assert.equal(new TextDecoder().decode(Uint8Array.from(problems[0]!.ids)), "2+2?\n\n");
});

Deno.test("prepareProblems() says why nothing is left", () => {
  assert.throws(
    () => prepareProblems([problem("a", "$=$"), problem("b", "$($")], BYTE_TOKENIZER, 16),
    /Cannot reward answers: none of 2 gold answers can be read/,
  );
  assert.throws(
    () => prepareProblems([problem("x".repeat(20), "$1$")], BYTE_TOKENIZER, 16),
    /the shortest prompt has 22 tokens, there is room for 16/,
  );
});

Deno.test("gradeAnswers() rewards what the verifier equates, and a box where that is asked for", () => {
  const problems = ["$7$", "$7$", "$\\frac12$", "$7$"].map((gold) => problem("", gold));
  const answers = ["3+4=7\n#### 7", "\\boxed{8}", "\\boxed{0.5}", "I give up."];
  assert.deepEqual(
    gradeAnswers(problems, answers, { formatReward: 0 }).map(({ reward }) => reward),
    [1, 0, 1, 0],
  );
  const graded = gradeAnswers(problems, answers, { formatReward: 0.25 });
  assert.deepEqual(graded.map(({ reward }) => reward), [1, 0.25, 1.25, 0]);
  assert.deepEqual(graded.map(({ correct }) => correct), [true, false, true, false]);
});

Deno.test("gradeAnswers() takes only what follows the delimiter, so that an unsolved step is no answer", () => {
  const answers = ["8/2=####", "8/2=4", "8/2=4\n#### 4", "8/2=6\n#### 4"];
  const problems = answers.map(() => problem("", "$4$"));
  const correct = (delimiter?: string) =>
    gradeAnswers(problems, answers, { formatReward: 0, delimiter }).map((grade) => grade.correct);
  assert.deepEqual(correct("####"), [false, false, true, true]);
  assert.deepEqual(correct()[0], true);
});
