import assert from "@std/assert";
import { FIG6 } from "../../experiments/fig6.ts";
import { goodRange } from "../../experiments/fig6_range.ts";
import type { AccuracyRow } from "../../experiments/fig6_rows.ts";
import type { RunOutcome } from "../../experiments/figure.ts";
import { planOf } from "../../experiments/plan.ts";
import { renderSvg } from "../../experiments/plot/render.ts";
import { baseParameters, loraParameters } from "../../compute/theory/parameters.ts";
import { findArchitecture } from "../../compute/theory/architectures.ts";
import type { RunSpec } from "../../runs/spec/run_spec.ts";
import { specHash } from "../../runs/spec/spec_hash.ts";

/** Outcomes whose final accuracy is what `accuracy` says; NaN: the run diverged. */
function outcomes(
  specs: readonly RunSpec[],
  accuracy: (r: number, rate: number, seed: number) => number,
): RunOutcome[] {
  return specs.map((spec, i) => {
    const r = spec.method.kind === "lora" ? spec.method.r : 0;
    const end = accuracy(r, spec.optimizer.learning_rate, spec.seed);
    const diverged = Number.isNaN(end);
    const points = [
      { step: 0, accuracy: 0.3, accuracy_low: 0.25, accuracy_high: 0.36, eval_problems: 256 },
      ...(diverged ? [] : [{
        step: spec.max_steps!,
        accuracy: end,
        accuracy_low: end - 0.05,
        accuracy_high: end + 0.05,
        eval_problems: 256,
        reward_mean: end,
        episodes: spec.max_steps! * spec.batch_size,
      }]),
    ];
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
          steps: spec.max_steps!,
          tokens: 1000,
          train_nll: null,
          initial_eval_nll: null,
          eval_nll: null,
          eval_bits: null,
          best_eval_nll: null,
          eval_tokens: null,
          accuracy: end,
          trainable_parameters: r === 0 ? 319_488 : 4_864 * r,
          peak_memory_bytes: 1,
          seconds: 1,
          adapter: null,
        },
        error: diverged ? { type: "DivergedError", message: "", step: 1 } : null,
        created_at: "2026-01-01T00:00:00.000Z",
        started_at: null,
        finished_at: null,
      },
      points,
    };
  });
}

/** Hills of height `top` around `best`, `width` doublings to each side. */
const hill = (rate: number, best: number, width: number, top: number) =>
  0.3 + (top - 0.3) * Math.max(0, 1 - Math.abs(Math.log2(rate / best)) / (2 * width));

function rowsOf(accuracy: Parameters<typeof outcomes>[1], seeds = 3): AccuracyRow[] {
  const specs = FIG6.grid({ preset: "laptop", seeds });
  return FIG6.rows(outcomes(specs, accuracy)) as AccuracyRow[];
}

const verdict = (rows: AccuracyRow[], id: string) =>
  FIG6.verdicts(rows).find((one) => one.id === id)!;

Deno.test("figure 6's presets are valid plans with no run twice, learning rates twice the one before", () => {
  for (const preset of ["smoke", "laptop", "paper"] as const) {
    const specs = FIG6.grid({ preset });
    assert.equal(new Set(specs.map(specHash)).size, specs.length);
    assert.ok(specs.every(({ task }) => task.kind === "grpo"));
    const rates = [...new Set(specs.map(({ optimizer }) => optimizer.learning_rate))];
    rates.sort((a, b) => a - b).slice(1).forEach((rate, i) =>
      assert.ok(preset === "smoke" || rate / rates[i]! <= 2.01)
    );
  }
  const ranks = FIG6.grid({ preset: "laptop" }).flatMap(({ method }) =>
    method.kind === "lora" ? [method.r] : []
  );
  assert.deepEqual([...new Set(ranks)], [1, 2, 4, 8, 16, 32]);
  // The claims are about rank 1: the others are there to be seen beside it.
  assert.equal(ranks.filter((r) => r === 1).length, 7 * ranks.filter((r) => r === 32).length);
  const [full] = FIG6.grid({ preset: "laptop" });
  assert.deepEqual(full!.method, { kind: "full", target_modules: "all" });
  const narrow = FIG6.grid({ preset: "laptop", ranks: [1], lrs: [1e-3], steps: 3, seeds: 1 });
  assert.ok(narrow.every(({ max_steps }) => max_steps === 3));
  assert.equal(narrow.filter(({ method }) => method.kind === "lora").length, 1);
});

Deno.test("figure 6 reproduces parity and a wider range where rank 1 has them", () => {
  const rows = rowsOf((r, rate, seed) =>
    r === 0 ? hill(rate, 2.5e-4, 1, 0.6 + seed / 1e3) : hill(rate, 1e-3, 2, 0.61 + seed / 1e3)
  );
  assert.equal(verdict(rows, "fig6.parity").verdict, "reproduced");
  const width = verdict(rows, "fig6.width");
  assert.equal(width.verdict, "reproduced", JSON.stringify(width));
  const information = verdict(rows, "fig6.information");
  const { episodes } = rows.find(({ r }) => r === 1)!;
  assert.ok(Math.abs(information.measured! / (2 * 4_864 / episodes!) - 1) < 1e-12);
});

Deno.test("figure 6 does not reproduce what is not there; a run that diverged has no accuracy", () => {
  const rows = rowsOf((r, rate, seed) => {
    if (r === 0) return hill(rate, 2.5e-4, 3, 0.6 + seed / 1e3);
    return rate > 1e-3 ? NaN : hill(rate, 1e-3, 0.5, 0.45 + seed / 1e3);
  });
  assert.equal(verdict(rows, "fig6.parity").verdict, "not reproduced");
  assert.equal(verdict(rows, "fig6.width").verdict, "not reproduced");
  assert.ok(rows.some(({ accuracy }) => accuracy === null));
});

Deno.test("figure 6 judges at the rate that is best in the mean, not at each seed's luckiest", () => {
  // Full fine-tuning is at 0.5 everywhere, with a lucky draw at another rate in each seed.
  const lucky = (rate: number, seed: number) =>
    Math.round(Math.log2(rate / 6.25e-5)) === seed ? 0.7 : 0.5;
  const rows = rowsOf((r, rate, seed) => r === 0 ? lucky(rate, seed) : 0.55, 5);
  const { measured, detail } = verdict(rows, "fig6.parity");
  assert.ok(Math.abs(measured! - (0.55 - (0.5 + 0.2 / 5))) < 1e-12, `${measured}`);
  assert.match(detail, /full: 54\.0 % at /);
});

Deno.test("goodRange() interpolates its ends and adds up what lies between them", () => {
  const points = [[1, 0], [2, 1], [4, 1], [8, 0.5], [16, 1], [32, 0]] as const;
  const at = (level: number) =>
    goodRange(points.map(([rate, accuracy]) => ({ rate, accuracy })), level)!;
  const range = at(0.75);
  assert.ok(Math.abs(range.low - 2 ** 0.75) < 1e-12);
  assert.ok(Math.abs(range.high - 16 * 2 ** 0.25) < 1e-12);
  assert.ok(Math.abs(range.doublings - (0.25 + 1 + 0.5 + 0.5 + 0.25)) < 1e-12);
  assert.equal(range.open, false);
  assert.equal(at(0).open, true);
  assert.equal(goodRange([{ rate: 1, accuracy: 0.1 }], 0.5), undefined);
});

Deno.test("figure 6's picture names each curve and says what the rewards can tell", async () => {
  const svg = await renderSvg(
    FIG6.plot(rowsOf((r, rate) => hill(rate, 1e-3, 2, 0.5 + r / 1e3), 1)),
  );
  for (const name of ["full fine-tuning", "LoRA r=1", "LoRA r=32", "episodes tell at most"]) {
    assert.ok(svg.includes(name), name);
  }
});

Deno.test("the paper's plan has rank 1 over its rewards 16.4 times, with the exact count", async () => {
  const specs = FIG6.grid({ preset: "paper", ranks: [1] })
    .filter(({ method }) => method.kind === "lora");
  const [line] = await planOf(specs, FIG6.curve);
  const llama = findArchitecture("meta-llama/Llama-3.1-8B")!;
  assert.equal(line!.trainableParameters, loraParameters(llama, "all", 1));
  assert.equal(line!.trainableParameters, 2_621_440);
  assert.ok(baseParameters(llama) > 8e9);
  assert.equal(line!.capacityRatio, 2 * 2_621_440 / (10_000 * 32));
});
