// Made-up results for a figure's specs.

import type { RunOutcome } from "../../experiments/figure.ts";
import type { RunSpec } from "../../runs/spec/run_spec.ts";
import { specHash } from "../../runs/spec/spec_hash.ts";

/** What the made-up runs are said to have trained. */
export interface MadeUp {
  /** NLL at a step; NaN: the run diverged. */
  readonly nll: (spec: RunSpec, step: number) => number;
  readonly parameters?: (spec: RunSpec) => number;
}

/** Outcomes whose NLL at a step is what `nll` says; steps as the spec has them, 256 tokens each. */
export function outcomes(
  specs: readonly RunSpec[],
  { nll, parameters = () => 10_000 }: MadeUp,
): RunOutcome[] {
  return specs.map((spec, i) => {
    const steps = [0, ...spec.eval_steps as number[]];
    const points = steps.map((step) => ({
      step,
      tokens: 256 * step,
      eval_nll: nll(spec, step),
    }));
    const last = points.at(-1)!;
    const diverged = Number.isNaN(last.eval_nll);
    return {
      run: {
        id: `run-${i}`,
        status: diverged ? "failed" as const : "succeeded" as const,
        spec,
        spec_hash: specHash(spec),
        code_version: "test",
        backend: "cpu",
        device: "test",
        attempts: 1,
        progress: null,
        metrics: null,
        result: diverged ? null : {
          steps: last.step,
          tokens: last.tokens,
          train_nll: last.eval_nll,
          initial_eval_nll: points[0]!.eval_nll,
          eval_nll: last.eval_nll,
          eval_bits: last.eval_nll / Math.LN2,
          best_eval_nll: last.eval_nll,
          eval_tokens: 1000,
          trainable_parameters: parameters(spec),
          peak_memory_bytes: 1,
          seconds: 1,
          adapter: null,
        },
        error: diverged ? { type: "DivergedError", message: "", step: 1 } : null,
        created_at: "2026-01-01T00:00:00.000Z",
        started_at: null,
        finished_at: null,
      },
      points: diverged ? points.slice(0, 1) : points,
    };
  });
}
