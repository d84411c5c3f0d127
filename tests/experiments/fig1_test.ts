import assert from "@std/assert";
import type { RunOutcome } from "../../experiments/figure.ts";
import { FIG1 } from "../../experiments/fig1.ts";
import { evaluationSteps, FIG1_PRESETS } from "../../experiments/fig1_presets.ts";
import { renderPng, renderSvg } from "../../experiments/plot/render.ts";
import type { RunSpec } from "../../runs/spec/run_spec.ts";
import { specHash } from "../../runs/spec/spec_hash.ts";

/** Outcomes whose NLL at a step is what `nll` says; steps as the spec has them. */
function outcomes(
  specs: readonly RunSpec[],
  nll: (spec: RunSpec, step: number) => number,
): RunOutcome[] {
  return specs.map((spec, i) => ({
    run: {
      id: `run-${i}`,
      status: "succeeded",
      spec,
      spec_hash: specHash(spec),
      code_version: "test",
      backend: "cpu",
      device: "test",
      attempts: 1,
      progress: null,
      metrics: null,
      result: null,
      error: null,
      created_at: "2026-01-01T00:00:00.000Z",
      started_at: null,
      finished_at: null,
    },
    points: [0, ...spec.eval_steps as number[]].map((step) => ({
      step,
      tokens: 256 * step,
      eval_nll: nll(spec, step),
    })),
  }));
}

const rank = ({ method }: RunSpec) => method.kind === "lora" ? method.r : 64;

Deno.test("figure 1's presets are valid plans with no run twice", () => {
  for (const preset of ["smoke", "laptop", "paper"] as const) {
    const specs = FIG1.grid({ preset });
    assert.equal(new Set(specs.map(specHash)).size, specs.length);
    assert.ok(specs.some(({ method }) => method.kind === "full"));
  }
  assert.equal(FIG1.grid({ preset: "paper" }).length, 2 * (10 * 6 + 6));
});

Deno.test("figure 1's laptop preset compares both pairs, and its learning rates at most double", () => {
  const specs = FIG1.grid({ preset: "laptop" });
  const has = (kind: string, whole: boolean) =>
    specs.some(({ method }) =>
      method.kind === kind &&
      whole === (method.kind === "full"
          ? method.target_modules === undefined
          : method.modules_to_save !== undefined)
    );
  assert.ok(has("lora", false) && has("lora", true) && has("full", false) && has("full", true));
  const { loraRates, savedRates, fullRates } = FIG1_PRESETS.laptop;
  for (const rates of [loraRates, savedRates, fullRates]) {
    rates.slice(1).forEach((rate, i) => assert.ok(rate / rates[i]! <= 2 && rate > rates[i]!));
  }
});

Deno.test("figure 1 takes ranks, learning rates, steps, seed and backend from its options", () => {
  const specs = FIG1.grid({
    preset: "laptop",
    ranks: [2],
    lrs: [1e-3, 3e-3],
    steps: 40,
    seed: 5,
    backend: "cpu",
  });
  const lora = specs.filter(({ method }) => method.kind === "lora" && !method.modules_to_save);
  assert.deepEqual(lora.map(rank), [2, 2]);
  assert.deepEqual(lora.map(({ optimizer }) => optimizer.learning_rate), [1e-3, 3e-3]);
  for (const spec of specs) {
    assert.deepEqual([spec.max_steps, spec.seed, spec.backend], [40, 5, "cpu"]);
    assert.equal((spec.eval_steps as number[]).at(-1), 40);
  }
});

Deno.test("evaluationSteps() rises to the last step without repeats", () => {
  for (const [steps, count] of [[1, 9], [2, 4], [16, 4], [256, 9], [1000, 12]] as const) {
    const at = evaluationSteps(steps, count);
    assert.equal(at.at(-1), steps);
    assert.ok(at[0]! >= 1 && at.length <= count + 1);
    at.slice(1).forEach((step, i) => assert.ok(step > at[i]!));
  }
});

Deno.test("figure 1's rows mark the pointwise minimum over learning rates of each curve", () => {
  const specs = FIG1.grid({ preset: "laptop", ranks: [1], lrs: [1e-3, 2e-3] });
  // The larger rate is better early and worse late, so the minimum changes hands.
  const rows = FIG1.rows(outcomes(
    specs,
    (spec, step) => spec.optimizer.learning_rate > 1e-3 ? 2 - step / 1000 : 2.05 - step / 500,
  ));
  const lora = rows.filter(({ r, pair }) => r === 1 && pair === "matrices");
  const steps = [...new Set(lora.map(({ step }) => step))];
  assert.equal(lora.length, 2 * steps.length);
  for (const step of steps) {
    const at = lora.filter((row) => row.step === step);
    const best = Math.min(...at.map(({ nll }) => nll as number));
    assert.deepEqual(at.filter((row) => row.best).map(({ nll }) => nll), [best]);
  }
  const winners = steps.map((at) =>
    lora.find(({ step, best }) => best && step === at)!.learning_rate
  );
  assert.equal(winners[0], 2e-3);
  assert.equal(winners.at(-1), 1e-3);
});

Deno.test("figure 1 is drawn with every curve's name, as SVG and as PNG", async () => {
  const specs = FIG1.grid({ preset: "laptop" });
  const rows = FIG1.rows(outcomes(specs, (spec, step) => 2 - step / (1000 + 100 / rank(spec))));
  const svg = await renderSvg(FIG1.plot(rows));
  for (const name of ["LoRA r=1<", "LoRA r=4<", "LoRA r=16<", "LoRA r=32<", "LoRA r=32 + rest<"]) {
    assert.equal(svg.split(name).length, 2, `${name} is written once`);
  }
  assert.equal(svg.split(">full fine-tuning<").length, 3);
  assert.ok(!svg.includes("NaN"));
  const png = await renderPng(svg);
  assert.deepEqual([...png.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10]);
  const width = new DataView(png.buffer, png.byteOffset).getUint32(16);
  assert.ok(width > 1200, `${width} pixels wide`);
});
