import assert from "@std/assert";
import { judgeAnswers, majorityIsRight } from "../../data/judge_answers.ts";

Deno.test("judgeAnswers() tells right from wrong, and what each says", () => {
  const judged = judgeAnswers("$\\frac12$", ["so \\boxed{0.5}", "it is $3$", "no idea", "1/2"])!;
  assert.deepEqual(judged.correct, [true, false, false, true]);
  assert.deepEqual(judged.answers.map((each) => each === null), [false, false, true, false]);
});

Deno.test("judgeAnswers() leaves out a gold answer that cannot be read", () => {
  assert.equal(judgeAnswers("", ["1"]), undefined);
});

Deno.test("majorityIsRight() counts votes among the first k", () => {
  const judged = {
    correct: [false, true, true, false, false, true],
    answers: ["3", "1/2", "0.5", "3", null, "2/4"],
  };
  // Right answers are one, however they are written; the first of equally many wins.
  assert.deepEqual([1, 2, 3, 4, 5, 6].map((k) => majorityIsRight(judged, k)), [
    false,
    false,
    true,
    false,
    false,
    true,
  ]);
  assert.equal(majorityIsRight({ correct: [false], answers: [null] }, 1), false);
});
