import assert from "@std/assert";
import { CAPACITY } from "../../experiments/capacity.ts";
import { capacitiesOf, type CapacityRow, loadOf } from "../../experiments/capacity_rows.ts";
import { renderSvg } from "../../experiments/plot/render.ts";
import { KEY_TOKENS, randomRows } from "../../experiments/random_rows.ts";
import type { RunSpec } from "../../runs/spec/run_spec.ts";
import { specHash } from "../../runs/spec/spec_hash.ts";
import { outcomes } from "./outcomes.ts";

const parameters = ({ method }: RunSpec) => method.kind === "lora" ? 4_864 * method.r : 0;

/** Adapters that memorise all they are shown up to `each` bits a parameter. */
function holding(each: number, seeds = 1) {
  const specs = CAPACITY.grid({ preset: "laptop", seeds });
  return CAPACITY.rows(outcomes(specs, {
    parameters,
    nll: (spec, step) => {
      const { counted } = loadOf(spec);
      const last = step / spec.max_steps!;
      const bits = last * Math.min(8 * counted, each * parameters(spec));
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
  const [first] = CAPACITY.grid({ preset: "laptop", ranks: [1] });
  const { counted } = loadOf(first!);
  assert.ok(Math.abs(8 * counted / (0.125 * 2 * 4_864) - 1) < 0.1, `${8 * counted} bits`);
  for (const spec of CAPACITY.grid({ preset: "laptop" })) {
    const passes = spec.max_steps! * spec.batch_size / loadOf(spec).rows;
    assert.ok(passes > 220 && passes < 380, `${passes} passes`);
  }
});

Deno.test("the capacity finds 0.3 bits a parameter where adapters hold 0.3, and says that it is not 2", () => {
  const rows = holding(0.3);
  for (const { bits, parameters, saturated } of capacitiesOf(rows as CapacityRow[])) {
    assert.ok(Math.abs(bits / parameters / 0.3 - 1) < 0.05 && saturated, `${bits} ${parameters}`);
  }
  const [verdict] = CAPACITY.verdicts(rows);
  assert.equal(verdict!.verdict, "not reproduced", JSON.stringify(verdict));
});

Deno.test("the capacity does not judge adapters that no load has filled", () => {
  const [verdict] = CAPACITY.verdicts(holding(100));
  assert.equal(verdict!.verdict, "inconclusive");
  assert.match(verdict!.detail, /lower bound: r=1, r=2 /);
});

Deno.test("the capacity is drawn by load and by size", async () => {
  const svg = await renderSvg(CAPACITY.plot(holding(0.3)));
  for (const name of ["LoRA r=1", "LoRA r=2", "all of it", "measured", "2 bits each"]) {
    assert.equal(svg.split(`>${name}<`).length, 2, `${name} is written once`);
  }
  assert.ok(!svg.includes("NaN"));
});
