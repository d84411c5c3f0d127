import assert from "@std/assert";
import { judge, outcomeOf, rangeText } from "../../experiments/verdict.ts";

Deno.test("outcomeOf() looks where the interval lies: inside, outside or across", () => {
  assert.equal(outcomeOf([5, 7], [4, 8]), "reproduced");
  assert.equal(outcomeOf([4, 8], [4, 8]), "reproduced");
  assert.equal(outcomeOf([1, 3], [4, 8]), "not reproduced");
  assert.equal(outcomeOf([9, 12], [4, 8]), "not reproduced");
  assert.equal(outcomeOf([3, 5], [4, 8]), "inconclusive");
  assert.equal(outcomeOf([3, 12], [4, 8]), "inconclusive");
  assert.equal(outcomeOf([0.1, 9], [0, null]), "reproduced");
  assert.equal(outcomeOf([-3, -1], [null, 0]), "reproduced");
  assert.equal(outcomeOf(null, [4, 8]), "inconclusive");
  assert.equal(outcomeOf([NaN, NaN], [4, 8]), "inconclusive");
});

Deno.test("judge() asks for more seeds after one, and keeps what it measured", () => {
  const claim = { id: "x", claim: "c", quantity: "q", expected: [1, null] as const, detail: "d" };
  assert.deepEqual(judge(claim, { mean: 5, interval: null, count: 1 }), {
    ...claim,
    verdict: "inconclusive",
    measured: 5,
    interval: null,
    detail: "One seed says nothing of the spread; --seeds 3 does. d",
  });
  assert.equal(judge(claim, undefined).measured, null);
});

Deno.test("rangeText() reads aloud", () => {
  assert.deepEqual(
    ([[5, 20], [null, 0.05], [0, null], [null, null]] as const).map(rangeText),
    ["5 to 20", "at most 0.05", "at least 0", "anything"],
  );
});
