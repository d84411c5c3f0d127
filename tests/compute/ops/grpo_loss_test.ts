import { groupAdvantages, tokenShares } from "../../../compute/train/policy_loss.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { entropyForward } from "../../support/reference/cross_entropy.ts";
import { forEachBackend } from "../../support/backends.ts";
import { GRPO_CASES, nameOf } from "../../support/grpo_cases.ts";
import { normals } from "../../support/random.ts";
import { grpoLossOf } from "../../support/reference/grpo_loss.ts";
import { blank, f32, runKernel, u32, values } from "../../support/run_kernel.ts";

const sum = (numbers: readonly number[]) => numbers.reduce((total, value) => total + value, 0);

await forEachBackend(({ test }) => {
  test("grpoLoss() agrees with PyTorch in each loss type, value and gradient", async (backend) => {
    for (const one of GRPO_CASES) {
      const { options, logps, old_logps, ref_logps, mask, loss, grad } = one;
      const [rows, length] = [logps.length, logps[0]!.length];
      const tokens = rows * length;
      const shares = tokenShares(options.loss_type, {
        counts: mask.map(sum),
        maxCompletionLength: options.max_completion_length,
        numItems: options.num_items,
      });
      const advantages = groupAdvantages(one.rewards, rows, false);
      const sampled = old_logps.flatMap((row, b) =>
        row.flatMap((logp, t) => [logp, advantages[b]!, mask[b]![t]! * shares[b]!])
      );
      const first = (n: number) => n - n % length;
      const { weight, terms } = await runKernel(backend, "grpo_loss", {
        nll: f32([tokens], logps.flat().map((logp) => -logp)),
        ref_nll: f32([tokens], ref_logps.flat().map((logp) => -logp)),
        entropy: f32([tokens], logps.flat()),
        sampled: f32([tokens, 3], sampled),
        start: u32([tokens], Array.from({ length: tokens }, (_, n) => first(n))),
        end: u32([tokens], Array.from({ length: tokens }, (_, n) => first(n) + length)),
        weight: blank([tokens]),
        terms: blank([tokens, 5]),
      }, {
        tokens,
        by_sequence: options.importance_sampling_level === "sequence" ? 1 : 0,
        low: 1 - options.epsilon,
        high: 1 + options.epsilon_high,
        beta: options.beta,
      });
      const expected = logps.map((row, b) =>
        grpoLossOf({
          logps: row,
          oldLogps: old_logps[b]!,
          refLogps: ref_logps[b]!,
          shares: mask[b]!.map((counted) => counted * shares[b]!),
          advantage: advantages[b]!,
        }, options)
      );
      const column = (i: number) =>
        Float32Array.from({ length: tokens }, (_, n) => terms[5 * n + i]!);
      const name = nameOf(one), shape = [tokens], tolerance = { atol: 1e-6, rtol: 1e-4 };
      assertAllclose(
        [sum([...column(0)])],
        [loss],
        { name: `loss ${name}`, shape: [1] },
        tolerance,
      );
      const slopes = grad.flat().map((g) => -g);
      assertAllclose(weight, slopes, { name: `weight ${name}`, shape }, tolerance);
      const reported = [
        ["|ratio − 1|", expected.flatMap((e) => e.deviation)],
        ["clipped", expected.flatMap((e) => e.clipped)],
        ["kl", expected.flatMap((e) => e.kl)],
        ["entropy", logps.flatMap((row, b) => row.map((logp, t) => mask[b]![t]! * logp))],
      ] as const;
      reported.forEach(([what, of], i) =>
        assertAllclose(column(i + 1), of, { name: `${what} ${name}`, shape }, tolerance)
      );
    }
  });

  test("entropy() matches the f64 reference, far beyond exp's range too", async (backend) => {
    for (
      const [rows, cols, scale] of [[1, 1, 1], [7, 41, 3], [5, 257, 3], [3, 4099, 1], [4, 9, 300]]
    ) {
      const logits = f32([rows!, cols!], normals(2, rows! * cols!, scale));
      const { entropy } = await runKernel(backend, "entropy", { logits, entropy: blank([rows!]) }, {
        rows: rows!,
        cols: cols!,
      });
      const expected = entropyForward(values(logits), cols!);
      const name = `entropy (cols=${cols}, scale ${scale})`;
      assertAllclose(entropy, expected, { name, shape: [rows!] }, { atol: 2e-5, rtol: 1e-5 });
    }
  });
});
