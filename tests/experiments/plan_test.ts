import assert from "@std/assert";
import { toCsv } from "../../experiments/collect.ts";
import { FIG1 } from "../../experiments/fig1.ts";
import { formatPlan, planOf } from "../../experiments/plan.ts";
import { clock } from "../../experiments/progress.ts";

Deno.test("the paper preset's plan counts Llama-3.1-8B's adapters from its real shapes", async () => {
  const plan = await planOf(FIG1.grid({ preset: "paper" }), FIG1.curve);
  const line = plan.find(({ curve }) => curve === "LoRA r=128")!;
  assert.equal(line.trainableParameters, 335_544_320);
  assert.equal(line.runs, 6);
  assert.equal(line.tokensPerRun, 10_000 * 32 * 2048);
  assert.equal(plan.reduce((sum, { runs }) => sum + runs, 0), 132);
  const full = plan.find(({ curve }) => curve.startsWith("full"))!;
  assert.equal(full.trainableParameters, 8_030_261_248);
  const ratio = line.flopsPerRun / full.flopsPerRun;
  // 8 bytes a frozen value for the moments and the weights of full fine-tuning, and more.
  assert.ok(full.memoryBytes > 16 * 8.03e9 && full.memoryBytes < 16 * 8.03e9 + 700e9);
  assert.ok(ratio > 0.66 && ratio < 0.76, `LoRA takes ${ratio} of the FLOPs`);
});

Deno.test("the laptop preset has capacities on both sides of what its runs hold", async () => {
  const plan = await planOf(FIG1.grid({ preset: "laptop" }), FIG1.curve);
  const ratios = plan.filter(({ curve }) => curve.startsWith("LoRA")).map((l) => l.capacityRatio);
  assert.ok(Math.min(...ratios) < 0.5 && Math.max(...ratios) > 2, `${ratios}`);
  const whole = plan.find(({ curve }) => curve === "full fine-tuning, whole model")!;
  const matrices = plan.find(({ curve }) => curve === "full fine-tuning")!;
  assert.equal(whole.trainableParameters - matrices.trainableParameters, 256 * 128 + 5 * 128);
  assert.match(formatPlan(plan), /^stdlib\/moby-dick\n.*\n {2}LoRA r=1 .*\n/);
});

Deno.test("planOf() refuses a model whose shapes are not known", async () => {
  await assert.rejects(
    planOf(FIG1.grid({ preset: "laptop" }).map((spec) => ({ ...spec, model: "a/b" })), FIG1.curve),
    /"a\/b"/,
  );
});

Deno.test("toCsv() quotes what needs it and writes a line a row", () => {
  assert.equal(
    toCsv([{ a: 1, b: 'x,"y"' }, { a: null, b: true }]),
    'a,b\r\n1,"x,""y"""\r\n,true\r\n',
  );
});

Deno.test("clock() writes minutes and hours", () => {
  assert.deepEqual([7, 754, 3723].map(clock), ["0:07", "12:34", "1:02:03"]);
});
