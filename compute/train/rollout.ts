// Sampled completions as micro-batches: prompt and completion laid end to end, as many to a micro-batch
// as fit, so that short completions cost what they are and not what they might have been.

import { IGNORED_TARGET, SAMPLED_WIDTH } from "../backend/kernels.ts";
import type { Batch } from "./batch.ts";
import type { Completion } from "./generation.ts";
import { type LossType, tokenShares } from "./policy_loss.ts";

/** A prompt's completion with what the loss needs to know of it. */
export interface Rollout {
  readonly prompt: Uint32Array;
  readonly completion: Completion;
  readonly advantage: number;
}

/** One micro-batch of N tokens; what each counts for is computed on the device. */
export interface RolloutBatch extends Omit<Batch, "weight"> {
  /** Old log-probability, advantage and share of each position's target, [N, 3]; 0 where not counted. */
  readonly sampled: Float32Array;
}

/** What decides which tokens count, and for how much. */
export interface RolloutRules {
  readonly loss_type: LossType;
  readonly max_completion_length: number;
  /** Whether completions that did not end count nothing. */
  readonly mask_truncated_completions: boolean;
  /** Without a KL term the gradient of a completion whose advantage is 0 is exactly 0. */
  readonly beta: number;
}

/** Tokens of a completion that count. */
function countedOf({ completion }: Rollout, rules: RolloutRules): number {
  const masked = rules.mask_truncated_completions && completion.finish_reason === "length";
  return masked ? 0 : completion.ids.length;
}

/**
 * Lays rollouts out in micro-batches of `capacity` positions, in order. The last token of a sequence is
 * only a target. Rollouts that count nothing or have no gradient are left out, though they have their part
 * in the shares; what is left of a micro-batch becomes sequences of one token that is not counted.
 *
 * @throws {RangeError} if a rollout is longer than a micro-batch.
 */
export function layOutRollouts(
  rollouts: readonly Rollout[],
  rules: RolloutRules,
  capacity: number,
): RolloutBatch[] {
  const counts = rollouts.map((rollout) => countedOf(rollout, rules));
  const shares = tokenShares(rules.loss_type, {
    counts,
    maxCompletionLength: rules.max_completion_length,
    numItems: counts.reduce((sum, count) => sum + count, 0),
  });
  const batches: ReturnType<typeof emptyBatch>[] = [];
  let at = capacity;
  rollouts.forEach(({ prompt, completion, advantage }, i) => {
    if (counts[i] === 0 || (advantage === 0 && rules.beta === 0)) return;
    const length = prompt.length + completion.ids.length - 1;
    if (length > capacity) {
      throw new RangeError(
        `Cannot lay out a completion: with its prompt it has ${length} positions, ` +
          `expected at most ${capacity}`,
      );
    }
    if (at + length > capacity) {
      batches.push(emptyBatch(capacity));
      at = 0;
    }
    const batch = batches.at(-1)!;
    batch.ids.set(prompt, at);
    batch.ids.set(completion.ids.subarray(0, -1), at + prompt.length);
    const first = at + prompt.length - 1;
    batch.targets.set(completion.ids, first);
    completion.logprobs.forEach((logprob, t) =>
      batch.sampled.set([logprob, advantage, shares[i]!], SAMPLED_WIDTH * (first + t))
    );
    batch.start.fill(at, at, at + length);
    batch.end.fill(at + length, at, at + length);
    batch.counted += completion.ids.length;
    at += length;
  });
  return batches;
}

function emptyBatch(tokens: number) {
  return {
    ids: new Uint32Array(tokens),
    targets: new Uint32Array(tokens).fill(IGNORED_TARGET),
    start: Uint32Array.from({ length: tokens }, (_, n) => n),
    end: Uint32Array.from({ length: tokens }, (_, n) => n + 1),
    sampled: new Float32Array(SAMPLED_WIDTH * tokens),
    counted: 0,
  };
}
