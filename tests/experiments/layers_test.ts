import assert from "@std/assert";
import { loraParameters } from "../../compute/theory/parameters.ts";
import { shapesOf } from "../../experiments/shapes_of.ts";
import { FIG4 } from "../../experiments/fig4.ts";
import { FIG5 } from "../../experiments/fig5.ts";
import { matchedAdapters } from "../../experiments/layers.ts";
import { renderSvg } from "../../experiments/plot/render.ts";
import { specHash } from "../../runs/spec/spec_hash.ts";
import { outcomes } from "./outcomes.ts";

/** Final losses by what is adapted, lowest at 2e-3. */
function losses(nll: Readonly<Record<string, number>>) {
  const specs = FIG4.grid({ preset: "laptop", seeds: 3 });
  const [, mlp] = matchedAdapters("noregret/tiny", 12);
  return FIG4.rows(outcomes(specs, {
    nll: ({ method, optimizer, seed }, step) => {
      if (step === 0 || method.kind !== "lora") return 2;
      const targets = String(method.target_modules);
      const which = targets === "all" && method.r === mlp!.r ? "both" : targets;
      const away = 0.02 * Math.log2(optimizer.learning_rate / 2e-3) ** 2;
      return nll[which]! + away + 1e-4 * seed;
    },
  }));
}

const verdicts = (rows: ReturnType<typeof losses>) =>
  Object.fromEntries(FIG4.verdicts(rows).map(({ id, verdict }) => [id, verdict]));

Deno.test("matchedAdapters() makes adapters of equal size from the real shapes", () => {
  for (const [model, rank] of [["noregret/tiny", 12], ["meta-llama/Llama-3.1-8B", 128]] as const) {
    const [attention, mlp, all, both] = matchedAdapters(model, rank);
    const count = ({ targets, r }: typeof all & object) =>
      loraParameters(shapesOf(model), targets, r);
    const wanted = count(all!);
    for (const one of [attention!, mlp!]) {
      assert.ok(Math.abs(count(one) / wanted - 1) < 0.02, `${one.targets} r=${one.r}`);
    }
    assert.equal(both!.r, mlp!.r);
  }
});

Deno.test("figure 4's presets are valid plans with no run twice", () => {
  for (const preset of ["smoke", "laptop", "paper"] as const) {
    const specs = FIG4.grid({ preset });
    assert.equal(new Set(specs.map(specHash)).size, specs.length);
  }
  assert.equal(FIG4.grid({ preset: "laptop" }).length, 16 * 5 * 4);
  assert.equal(FIG4.grid({ preset: "laptop", ranks: [2, 8], lrs: [1e-3], seeds: 1 }).length, 8);
});

Deno.test("figure 5's presets are valid plans for mixtures of experts, whose ranks experts can share", () => {
  for (const preset of ["smoke", "laptop", "paper"] as const) {
    const specs = FIG5.grid({ preset });
    assert.equal(new Set(specs.map(specHash)).size, specs.length);
    for (const { model, method } of specs) {
      const { num_experts_per_tok } = shapesOf(model);
      const r = method.kind === "lora" ? method.r : NaN;
      if (method.target_modules !== "attention") assert.equal(r % num_experts_per_tok!, 0);
    }
  }
  const [attention, mlp, all] = matchedAdapters("noregret/tiny-moe", 12).map(({ targets, r }) =>
    loraParameters(shapesOf("noregret/tiny-moe"), targets, r)
  );
  // Each unit of two experts' rank is 7,680 parameters.
  assert.ok(Math.abs(attention! / all! - 1) < 0.02 && Math.abs(mlp! - all!) < 7_680 / 2 + 1);
});

Deno.test("figure 4 reproduces the paper's order of layers where it holds", () => {
  assert.deepEqual(verdicts(losses({ attention: 1.87, mlp: 1.8, all: 1.802, both: 1.798 })), {
    "fig4.attention": "reproduced",
    "fig4.on_top": "reproduced",
    "fig4.all": "reproduced",
  });
});

Deno.test("figure 4 says so where attention is better, or adds much", () => {
  assert.deepEqual(verdicts(losses({ attention: 1.78, mlp: 1.8, all: 1.75, both: 1.74 })), {
    "fig4.attention": "not reproduced",
    "fig4.on_top": "not reproduced",
    "fig4.all": "not reproduced",
  });
});

Deno.test("figure 4 is drawn with every choice of layers named once", async () => {
  const rows = losses({ attention: 1.87, mlp: 1.8, all: 1.802, both: 1.798 });
  const svg = await renderSvg(FIG4.plot(rows));
  for (const name of ["attention r=33 ·", "MLP r=19 ·", "all layers r=12 ·", "all layers r=19 ·"]) {
    assert.equal(svg.split(`>${name}`).length, 2, `${name} is written once`);
  }
});
