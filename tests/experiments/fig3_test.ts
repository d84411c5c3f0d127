import assert from "@std/assert";
import { FIG3 } from "../../experiments/fig3.ts";
import { renderSvg } from "../../experiments/plot/render.ts";
import { specHash } from "../../runs/spec/spec_hash.ts";
import { outcomes } from "./outcomes.ts";

/** Final losses: full fine-tuning at 1.8, LoRA behind by what `gap` says; the seeds differ a little. */
function behind(gap: (batch: number, r: number) => number, seeds = 3) {
  const specs = FIG3.grid({ preset: "laptop", seeds });
  return FIG3.rows(outcomes(specs, {
    nll: ({ method, batch_size, optimizer, seed }, step) => {
      if (step === 0) return 2;
      const noise = 1e-3 * (seed % 2) * (method.kind === "full" ? 1 : 1.2);
      const best = Math.sqrt(batch_size / 2) * (method.kind === "full" ? 2.5e-4 : 1e-3);
      const away = 0.01 * Math.abs(Math.log2(optimizer.learning_rate / best));
      return 1.8 + noise + away + (method.kind === "full" ? 0 : gap(batch_size, method.r));
    },
  }));
}

const verdict = (rows: ReturnType<typeof behind>, id: string) =>
  FIG3.verdicts(rows).find((one) => one.id === id)!.verdict;

Deno.test("figure 3's presets are valid plans, and every batch size sees as many sequences", () => {
  for (const preset of ["smoke", "laptop", "paper"] as const) {
    const specs = FIG3.grid({ preset });
    assert.equal(new Set(specs.map(specHash)).size, specs.length);
    const seen = new Set(specs.map((spec) => spec.max_steps! * spec.batch_size));
    const most = Math.max(...seen);
    assert.ok([...seen].every((sequences) => sequences > 0.97 * most), `${[...seen]}`);
  }
  assert.equal(FIG3.grid({ preset: "laptop" }).length, 12 * 3 * 3 * 4);
  const rates = (batch: number, options = {}) =>
    FIG3.grid({ preset: "laptop", seeds: 1, ...options })
      .filter(({ batch_size, method }) => batch_size === batch && method.kind === "lora")
      .map(({ optimizer }) => optimizer.learning_rate);
  assert.deepEqual(rates(8), rates(2).map((rate) => 2 * rate));
  assert.deepEqual(new Set(rates(32, { lrs: [1e-3] })), new Set([1e-3]));
  const steps = FIG3.grid({ preset: "laptop", steps: 64, seeds: 1 }).map((spec) => spec.max_steps);
  assert.deepEqual([...new Set(steps)], [64, 16, 4]);
});

Deno.test("figure 3 reproduces a gap that grows with the batch whatever the rank, where it does", () => {
  const rows = behind((batch) => 0.004 * Math.log2(batch));
  assert.equal(verdict(rows, "fig3.growth"), "reproduced");
  assert.equal(verdict(rows, "fig3.rank"), "reproduced");
});

Deno.test("figure 3 says so where the gap shrinks, or depends on the rank", () => {
  const shrinks = behind((batch) => 0.04 - 0.004 * Math.log2(batch));
  assert.equal(verdict(shrinks, "fig3.growth"), "not reproduced");
  const hardlyGrows = behind((batch) => 0.01 + 0.0003 * Math.log2(batch));
  assert.equal(verdict(hardlyGrows, "fig3.growth"), "not reproduced");
  const ranked = behind((batch, r) => 0.02 * Math.log2(batch) * (r < 20 ? 1 : 0.2));
  assert.equal(verdict(ranked, "fig3.rank"), "not reproduced");
  assert.equal(verdict(behind(() => 0, 1), "fig3.growth"), "inconclusive");
});

Deno.test("figure 3 draws the losses and the gaps, each name once a panel", async () => {
  const svg = await renderSvg(FIG3.plot(behind((batch) => 0.004 * Math.log2(batch))));
  assert.equal(svg.split(">LoRA r=16<").length, 3);
  assert.equal(svg.split(">LoRA r=32<").length, 3);
  assert.equal(svg.split(">full fine-tuning<").length, 2);
  assert.ok(!svg.includes("NaN"));
});
