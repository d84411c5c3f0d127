import assert from "@std/assert";
import { groupAdvantages, tokenShares } from "../../../compute/train/policy_loss.ts";
import { GRPO_CASES, nameOf } from "../../support/grpo_cases.ts";
import { grpoGradientOf, grpoLossOf } from "../../support/reference/grpo_loss.ts";

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

for (const one of GRPO_CASES) {
  Deno.test(`the f64 reference agrees with PyTorch: ${nameOf(one)}`, () => {
    const shares = tokenShares(one.options.loss_type, {
      counts: one.mask.map(sum),
      maxCompletionLength: one.options.max_completion_length,
      numItems: one.options.num_items,
    });
    const advantages = groupAdvantages(one.rewards, one.rewards.length, false);
    const sequences = one.logps.map((logps, b) => ({
      logps,
      oldLogps: one.old_logps[b]!,
      refLogps: one.ref_logps[b]!,
      shares: one.mask[b]!.map((counted) => counted * shares[b]!),
      advantage: advantages[b]!,
    }));
    advantages.forEach((a, b) => assert.ok(Math.abs(a - one.advantages[b]!) < 1e-12));
    const loss = sum(sequences.map((sequence) => grpoLossOf(sequence, one.options).loss));
    assert.ok(Math.abs(loss - one.loss) <= 1e-6 * Math.abs(one.loss) + 1e-9, `${loss}`);
    sequences.forEach((sequence, b) =>
      grpoGradientOf(sequence, one.options).forEach((actual, t) => {
        const expected = one.grad[b]![t]!;
        assert.ok(Math.abs(actual - expected) < 1e-6, `[${b}, ${t}]: ${actual}, ${expected}`);
      })
    );
  });
}

Deno.test("groupAdvantages() centres each group on its own mean, and scales only where asked", () => {
  assert.deepEqual(groupAdvantages([1, 0, 0, 1, 1, 1], 3, false), [
    1 - 1 / 3,
    -1 / 3,
    -1 / 3,
    0,
    0,
    0,
  ]);
  const scaled = groupAdvantages([1, 0, 0, 1, 1, 1], 3, true);
  const std = Math.sqrt(1 / 3);
  assert.ok(Math.abs(scaled[0]! - (2 / 3) / (std + 1e-4)) < 1e-12);
  assert.deepEqual(scaled.slice(3), [0, 0, 0]);
});

Deno.test("tokenShares() gives a masked completion nothing, and counts it among the completions", () => {
  const sizes = { counts: [2, 0, 4], maxCompletionLength: 8, numItems: 10 };
  assert.deepEqual(tokenShares("grpo", sizes), [1 / 6, 0, 1 / 12]);
  assert.deepEqual(tokenShares("bnpo", sizes), [1 / 6, 0, 1 / 6]);
  assert.deepEqual(tokenShares("dr_grpo", sizes), [1 / 24, 0, 1 / 24]);
  assert.deepEqual(tokenShares("dapo", sizes), [1 / 10, 0, 1 / 10]);
});
