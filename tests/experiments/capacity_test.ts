import assert from "@std/assert";
import { CAPACITY } from "../../experiments/capacity.ts";
import {
  areFull,
  capacitiesOf,
  type CapacityRow,
  loadOf,
} from "../../experiments/capacity_rows.ts";
import { renderSvg } from "../../experiments/plot/render.ts";
import { KEY_TOKENS, randomRows } from "../../experiments/random_rows.ts";
import type { RunSpec } from "../../runs/spec/run_spec.ts";
import { specHash } from "../../runs/spec/spec_hash.ts";
import { outcomes } from "./outcomes.ts";

const parameters = ({ method }: RunSpec) => method.kind === "lora" ? 1_024 * method.r : 0;

/** Adapters that come to hold `each` bits a parameter of what they are shown, half of it by 1,000 updates. */
function holding(each: number, seeds = 2) {
  const specs = CAPACITY.grid({ preset: "laptop", seeds });
  return CAPACITY.rows(outcomes(specs, {
    parameters,
    nll: (spec, step) => {
      const { counted } = loadOf(spec);
      const share = step / (step + 1000) * (1 + 0.01 * spec.seed);
      const bits = share * Math.min(8 * counted, each * parameters(spec));
      return (8 - bits / counted) * Math.LN2;
    },
  }));
}

Deno.test("randomRows() is the same for a seed, uniform, and counts all but the keys", () => {
  const options = { count: 300, length: 32, vocabulary: 256, seed: 1 };
  const { input_ids, labels } = randomRows(options);
  assert.deepEqual(randomRows(options).input_ids, input_ids);
  assert.notDeepEqual(randomRows({ ...options, seed: 2 }).input_ids, input_ids);
  assert.equal(new Set(input_ids.map((row) => row.slice(0, KEY_TOKENS).join())).size, 300);
  assert.ok(
    labels.every((row, i) =>
      row.every((label, j) => label === (j < KEY_TOKENS ? -100 : input_ids[i]![j]))
    ),
  );
  const seen = new Float64Array(256);
  input_ids.forEach((row) => row.slice(KEY_TOKENS).forEach((id) => seen[id]!++));
  const expected = 300 * 30 / 256;
  const chi2 = seen.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  // 255 degrees of freedom: 5 standard deviations on either side.
  assert.ok(Math.abs(chi2 - 255) < 5 * Math.sqrt(2 * 255), `${chi2}`);
});

Deno.test("the capacity's presets load each rank with the bits they say", () => {
  for (const preset of ["smoke", "laptop", "paper"] as const) {
    const specs = CAPACITY.grid({ preset });
    assert.equal(new Set(specs.map(specHash)).size, specs.length);
  }
  const specs = CAPACITY.grid({ preset: "laptop", ranks: [1], seeds: 1 });
  const loads = specs.map((spec) => 8 * loadOf(spec).counted / (2 * 1_024));
  [2, 4, 8, 4, 4, 4].forEach((load, i) =>
    assert.ok(Math.abs(loads[i]! / load - 1) < 0.05, `${loads}`)
  );
  assert.deepEqual(specs.map(({ max_steps }) => max_steps), [2000, 2000, 2000, 500, 1000, 4000]);
});

Deno.test("the capacity finds what adapters come to hold, and says that it is not 2", () => {
  const rows = holding(0.3);
  for (const one of capacitiesOf(rows as CapacityRow[])) {
    assert.ok(areFull([one]), JSON.stringify(one));
    assert.ok(Math.abs(one.limit! / one.parameters / 0.3 - 1) < 0.02, JSON.stringify(one));
    // The longest run is still below it.
    assert.ok(one.bits / one.parameters < 0.25);
  }
  const [verdict] = CAPACITY.verdicts(rows);
  assert.equal(verdict!.verdict, "not reproduced", JSON.stringify(verdict));
  assert.match(
    verdict!.detail,
    /r=1: 247 bits in 1,024 parameters \(0\.24 each\), towards 0\.30 each/,
  );
  assert.equal(CAPACITY.verdicts(holding(1.9))[0]!.verdict, "reproduced");
});

Deno.test("adapters of a rank are full where the mean over seeds is, not each seed", () => {
  const one = { r: 1, seed: 0, parameters: 1024, bits: 500, limit: 600 };
  assert.ok(areFull([{ ...one, growth: -0.05 }, { ...one, growth: 0.16 }]));
  assert.ok(!areFull([{ ...one, growth: 0.08 }, { ...one, growth: 0.16 }]));
  assert.ok(!areFull([{ ...one, growth: 0 }, { ...one, growth: 0, limit: undefined }]));
  assert.ok(!areFull([{ ...one, growth: 0 }, { ...one, growth: undefined }]));
});

Deno.test("the capacity does not judge adapters that no load has filled", () => {
  const [verdict] = CAPACITY.verdicts(holding(100));
  assert.equal(verdict!.verdict, "inconclusive");
  assert.equal(verdict!.interval, null);
  assert.match(verdict!.detail, /lower bound/);
});

Deno.test("the capacity is drawn by load and by updates", async () => {
  const svg = await renderSvg(CAPACITY.plot(holding(0.3)));
  for (const name of ["LoRA r=1", "LoRA r=2", "the rule"]) {
    assert.equal(svg.split(`>${name}<`).length, 3, `${name} is written once a panel`);
  }
  assert.ok(svg.includes(">their limit<"));
  assert.ok(!svg.includes("NaN"));
});
