import assert from "@std/assert";
import { FIG1 } from "../../experiments/fig1.ts";
import { coursesOf } from "../../experiments/fig1_falloff.ts";
import { evaluationSteps, FIG1_PRESETS } from "../../experiments/fig1_presets.ts";
import type { Fig1Row } from "../../experiments/fig1_rows.ts";
import type { Row } from "../../experiments/figure.ts";
import { renderPng, renderSvg } from "../../experiments/plot/render.ts";
import type { RunSpec } from "../../runs/spec/run_spec.ts";
import { specHash } from "../../runs/spec/spec_hash.ts";
import { outcomes } from "./outcomes.ts";

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
  const rows = FIG1.rows(outcomes(specs, {
    nll: (spec, step) => spec.optimizer.learning_rate > 1e-3 ? 2 - step / 1000 : 2.05 - step / 500,
  }));
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
  const rows = FIG1.rows(outcomes(specs, {
    nll: (spec, step) => 2 - step / (1000 + 100 / rank(spec)),
  }));
  const svg = await renderSvg(FIG1.plot(rows));
  for (
    const name of ["LoRA r=1 ·", "LoRA r=4 ·", "LoRA r=16 ·", "LoRA r=32 ·", "LoRA r=32 + rest ·"]
  ) {
    assert.equal(svg.split(`>${name}`).length, 2, `${name} is written once`);
  }
  assert.equal(svg.split(">full fine-tuning<").length, 3);
  assert.ok(!svg.includes("NaN"));
  const png = await renderPng(svg);
  assert.deepEqual([...png.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10]);
  const width = new DataView(png.buffer, png.byteOffset).getUint32(16);
  assert.ok(width > 1200, `${width} pixels wide`);
});

/** LoRA parameters as in noregret/tiny. */
const parameters = ({ method }: RunSpec) => method.kind === "lora" ? 4_864 * method.r : 319_488;

/** Full fine-tuning gains evenly; a rank stops at `stop(r)`. */
function fallingOff(stop: (r: number) => number, options: { seeds: number; noise?: number }) {
  const specs = FIG1.grid({ preset: "laptop", ranks: [1, 4, 16], seeds: options.seeds });
  return FIG1.rows(outcomes(specs, {
    parameters,
    nll: ({ method, seed }, step) => {
      if (step === 0) return 2;
      const until = method.kind === "full" ? step : Math.min(step, stop(method.r));
      return 2 - until / 400 + (options.noise ?? 0) * (seed % 3);
    },
  }));
}

const verdictsById = (rows: Row[]) =>
  Object.fromEntries(FIG1.verdicts(rows).map((one) => [one.id, one]));

Deno.test("figure 1 finds a rank's fall-off where its capacity says, if that is so", () => {
  // 2 · 4,864 · r bits over 256 tokens a step: 38, 152 and 608 steps.
  const rows = fallingOff((r) => 38 * r, { seeds: 3, noise: 1e-4 });
  const found = verdictsById(rows);
  assert.equal(found["fig1.capacity"]!.verdict, "reproduced", found["fig1.capacity"]!.detail);
  assert.equal(found["fig1.order"]!.verdict, "reproduced");
  assert.equal(found["fig1.parity"]!.verdict, "reproduced");
  assert.equal(found["fig1.early"]!.verdict, "reproduced");
  const departures = coursesOf(rows as Fig1Row[])
    .filter(({ pair, seed }) => pair === "matrices" && seed === 0)
    .map(({ r, departure }) => [r, departure && Math.round(departure.step)]);
  const [[, one], [, four]] = departures as [[number, number], [number, number]];
  assert.ok(one > 38 && one < 64 && four > 152 && four < 224, `${departures}`);
  assert.deepEqual(departures[2], [16, undefined]);
});

Deno.test("figure 1 says so where ranks fall off early, out of order or from the first step", () => {
  const early = verdictsById(fallingOff((r) => 6 * r, { seeds: 3, noise: 1e-4 }));
  assert.equal(early["fig1.capacity"]!.verdict, "not reproduced");
  assert.equal(early["fig1.parity"]!.verdict, "not reproduced");
  assert.equal(early["fig1.early"]!.verdict, "not reproduced");
  assert.match(early["fig1.capacity"]!.detail, /r=1 at or before step 11 \(capacity says 38\)/);
  const upsideDown = verdictsById(fallingOff((r) => 600 / r, { seeds: 3 }));
  assert.equal(upsideDown["fig1.order"]!.verdict, "not reproduced");
});

Deno.test("figure 1 of one seed measures, but says nothing for sure", () => {
  const found = FIG1.verdicts(fallingOff((r) => 38 * r, { seeds: 1 }));
  assert.equal(found.length, 5);
  for (const { verdict, measured, interval, detail } of found) {
    assert.equal(verdict, "inconclusive");
    assert.ok(measured !== null && interval === null);
    assert.match(detail, /--seeds 3/);
  }
});
