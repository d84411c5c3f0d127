// The reference losses that PyTorch computed with TRL's meaning of each option; see tests/fixtures/grpo.

import type { PolicyOptions } from "../../compute/ops/grpo_loss.ts";
import type { LossType } from "../../compute/train/policy_loss.ts";

/** One case: B completions of T tokens. */
export interface GrpoCase {
  readonly options: PolicyOptions & {
    readonly loss_type: LossType;
    readonly max_completion_length: number;
    readonly num_items: number;
  };
  readonly logps: readonly (readonly number[])[];
  readonly old_logps: readonly (readonly number[])[];
  readonly ref_logps: readonly (readonly number[])[];
  readonly mask: readonly (readonly number[])[];
  readonly rewards: readonly number[];
  readonly advantages: readonly number[];
  readonly loss: number;
  readonly grad: readonly (readonly number[])[];
}

/** All cases. */
export const GRPO_CASES: readonly GrpoCase[] = JSON.parse(
  await Deno.readTextFile(new URL("../fixtures/grpo/losses.json", import.meta.url)),
);

/** What a case is about, in a few words. */
export function nameOf({ options }: GrpoCase): string {
  const { loss_type, importance_sampling_level, beta, epsilon_high } = options;
  return `${loss_type} by ${importance_sampling_level}, beta ${beta}, epsilon_high ${epsilon_high}`;
}
