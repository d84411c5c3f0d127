import assert from "@std/assert";
import { FIG2 } from "../../experiments/fig2.ts";
import { renderSvg } from "../../experiments/plot/render.ts";
import type { RunSpec } from "../../runs/spec/run_spec.ts";
import { specHash } from "../../runs/spec/spec_hash.ts";
import { outcomes } from "./outcomes.ts";

const parameters = ({ method }: RunSpec) => method.kind === "lora" ? 4_864 * method.r : 319_488;

/** U-curves whose bottoms lie where `best` says, with a little noise from seed to seed. */
function bowls(best: (r: number) => number, floor: (r: number) => number = () => 1.8) {
  const specs = FIG2.grid({ preset: "laptop", seeds: 3 });
  return FIG2.rows(outcomes(specs, {
    parameters,
    nll: ({ method, optimizer, seed }, step) => {
      if (step === 0) return 2;
      const r = method.kind === "lora" ? method.r : 0;
      const off = Math.log2(optimizer.learning_rate / best(r)) + 0.05 * (seed - 1);
      return floor(r) + 0.02 * off ** 2;
    },
  }));
}

const verdict = (rows: ReturnType<typeof bowls>, id: string) =>
  FIG2.verdicts(rows).find((one) => one.id === id)!;

Deno.test("figure 2's presets are valid plans with no run twice, learning rates twice the one before", () => {
  for (const preset of ["smoke", "laptop", "paper"] as const) {
    const specs = FIG2.grid({ preset });
    assert.equal(new Set(specs.map(specHash)).size, specs.length);
    const rates = [...new Set(specs.map(({ optimizer }) => optimizer.learning_rate))].sort();
    rates.sort((a, b) => a - b).slice(1).forEach((rate, i) => assert.ok(rate / rates[i]! <= 2.01));
  }
  assert.equal(FIG2.grid({ preset: "laptop" }).length, 12 * (4 * 6 + 6));
  assert.equal(FIG2.grid({ preset: "laptop", ranks: [2], lrs: [1e-3], seeds: 1 }).length, 1 + 6);
});

Deno.test("figure 2 reproduces a ratio of 10 and a rank-free optimum where they hold", () => {
  const rows = bowls((r) => r === 0 ? 2e-4 : 2e-3);
  const ratio = verdict(rows, "fig2.ratio");
  assert.equal(ratio.verdict, "reproduced", JSON.stringify(ratio));
  assert.ok(Math.abs(ratio.measured! - 10) < 1e-6, "the parabola is exact for a parabola");
  assert.equal(verdict(rows, "fig2.spread").verdict, "reproduced");
  assert.equal(verdict(rows, "fig2.parity").verdict, "reproduced");
  assert.equal(verdict(rows, "fig2.capacity").verdict, "reproduced");
});

Deno.test("figure 2 reproduces neither where the ratio is 3 and the optimum moves with the rank", () => {
  const rows = bowls(
    (r) => r === 0 ? 3e-4 : r < 8 ? 1e-3 : r < 20 ? 5e-4 : 2e-3,
    (r) => 1.85 - r / 1e4,
  );
  assert.equal(verdict(rows, "fig2.ratio").verdict, "not reproduced");
  const spread = verdict(rows, "fig2.spread");
  assert.equal(spread.verdict, "not reproduced");
  assert.ok(Math.abs(spread.measured! - 4) < 1e-6);
});

Deno.test("figure 2 is inconclusive where a bottom lies outside the grid, and says why", () => {
  const rows = bowls((r) => r === 0 ? 2e-4 : 0.1);
  const ratio = verdict(rows, "fig2.ratio");
  assert.equal(ratio.verdict, "inconclusive");
  assert.equal(ratio.measured, null);
  assert.match(ratio.detail, /not inside its learning rates/);
});

Deno.test("figure 2 leaves diverged runs off its curves and draws the rest, each name once", async () => {
  const specs = FIG2.grid({ preset: "laptop", seeds: 2 });
  const rows = FIG2.rows(outcomes(specs, {
    nll: ({ optimizer }, step) =>
      step === 0
        ? 2
        : optimizer.learning_rate > 5e-3
        ? NaN
        : 1.8 + 0.02 * Math.log2(optimizer.learning_rate / 1e-3) ** 2,
  }));
  assert.equal(rows.length, specs.length);
  assert.ok(rows.some(({ nll }) => nll === null));
  const svg = await renderSvg(FIG2.plot(rows));
  for (
    const name of ["LoRA r=1 ·", "LoRA r=4 ·", "LoRA r=16 ·", "LoRA r=32 ·", "full fine-tuning ·"]
  ) {
    assert.equal(svg.split(`>${name}`).length, 2, `${name} is written once`);
  }
  assert.ok(!svg.includes("NaN"));
});
