import assert from "@std/assert";
import { IGNORED_TARGET } from "../../../compute/backend/kernels.ts";
import type { Completion } from "../../../compute/train/generation.ts";
import { layOutRollouts, type RolloutRules } from "../../../compute/train/rollout.ts";

const RULES: RolloutRules = {
  loss_type: "bnpo",
  max_completion_length: 4,
  mask_truncated_completions: true,
  beta: 0,
};

function rollout(
  prompt: number[],
  ids: number[],
  advantage: number,
  finish_reason: Completion["finish_reason"] = "stop",
) {
  const logprobs = Float32Array.from(ids, (id) => -id / 8);
  const completion = { ids: Uint32Array.from(ids), logprobs, finish_reason };
  return { prompt: Uint32Array.from(prompt), completion, advantage };
}

Deno.test("layOutRollouts() shifts targets, and gives each its old log-probability, advantage and share", () => {
  const [batch, ...rest] = layOutRollouts(
    [rollout([1, 2], [3, 4], 0.5), rollout([5], [6], -0.5)],
    RULES,
    6,
  );
  assert.deepEqual(rest, []);
  const none = IGNORED_TARGET;
  assert.deepEqual([...batch!.ids], [1, 2, 3, 5, 0, 0]);
  assert.deepEqual([...batch!.targets], [none, 3, 4, 6, none, none]);
  assert.deepEqual([...batch!.start], [0, 0, 0, 3, 4, 5]);
  assert.deepEqual([...batch!.end], [3, 3, 3, 4, 5, 6]);
  const third = Math.fround(1 / 3);
  assert.deepEqual(
    [...batch!.sampled],
    [0, 0, 0, -0.375, 0.5, third, -0.5, 0.5, third, -0.75, -0.5, third, 0, 0, 0, 0, 0, 0],
  );
  assert.equal(batch!.counted, 3);
});

Deno.test("layOutRollouts() opens another micro-batch where one is full, and refuses what never fits", () => {
  const three = [rollout([1], [2, 3], 1), rollout([1], [2, 3], 1), rollout([1], [2, 3], 1)];
  const batches = layOutRollouts(three, RULES, 5);
  assert.deepEqual(batches.map(({ counted }) => counted), [4, 2]);
  assert.throws(() => layOutRollouts([rollout([1, 2, 3], [4, 5, 6], 1)], RULES, 4), /5 positions/);
});

Deno.test("layOutRollouts() leaves out what counts nothing or has no gradient, not its part in the shares", () => {
  const rollouts = [
    rollout([1], [2, 3], 1),
    rollout([1], [4, 5, 6, 7], -1, "length"),
    rollout([1], [2], 0),
  ];
  const shareOf = (rules: RolloutRules) => layOutRollouts(rollouts, rules, 16)[0]!.sampled[2];
  const [batch] = layOutRollouts(rollouts, RULES, 16);
  assert.equal(batch!.counted, 2);
  assert.equal(shareOf(RULES), Math.fround(1 / 3));
  assert.equal(shareOf({ ...RULES, mask_truncated_completions: false }), Math.fround(1 / 7));
  // A KL term has a gradient whatever the advantage is.
  const [held] = layOutRollouts(rollouts, { ...RULES, beta: 0.1 }, 16);
  assert.equal(held!.counted, 3);
});
