import assert from "@std/assert";
import { join } from "@std/path";
import { collect } from "../../experiments/collect.ts";
import { FIG2 } from "../../experiments/fig2.ts";
import {
  findingOf,
  reportOf,
  secondsUnderWay,
  verdictLine,
  writeReport,
} from "../../experiments/report.ts";
import { outcomes } from "./outcomes.ts";

const options = { preset: "laptop", seeds: 2 } as const;
const data = collect(
  FIG2,
  options,
  outcomes(FIG2.grid(options), {
    nll: ({ method, optimizer, seed }, step) => {
      const best = method.kind === "full" ? 3e-4 : 1e-3;
      const off = Math.log2(optimizer.learning_rate / best) + 0.01 * seed;
      return step === 0 ? 2 : 1.8 + 0.02 * off ** 2;
    },
  }),
);

Deno.test("findingOf() counts runs, seeds and tokens and keeps the verdicts of the data", () => {
  const finding = findingOf(data);
  assert.deepEqual([finding.figure, finding.preset, finding.seeds], ["2", "laptop", 2]);
  assert.equal(finding.runs, 2 * (4 * 6 + 6));
  assert.equal(finding.tokens, finding.runs * 128 * 256);
  assert.deepEqual(finding.verdicts, FIG2.verdicts(data.rows));
});

Deno.test("secondsUnderWay() counts runs side by side once, and pauses not at all", () => {
  const run = (from: number, to: number) => ({
    started_at: new Date(1000 * from).toISOString(),
    finished_at: new Date(1000 * to).toISOString(),
  });
  assert.equal(secondsUnderWay([run(100, 110), run(0, 10), run(5, 20), run(6, 7)]), 30);
  assert.equal(secondsUnderWay([{ started_at: null, finished_at: null }]), null);
});

Deno.test("reportOf() has a picture and a line a claim, with its verdict and numbers", () => {
  const report = reportOf([findingOf(data)]);
  assert.match(report, /!\[.*\]\(fig2\.png\)/);
  const ratio = data.verdicts.find(({ id }) => id === "fig2.ratio")!;
  assert.equal(ratio.verdict, "not reproduced");
  assert.match(report, /about 10 times .* \*\*not reproduced\*\* .* \| 3\.33 \(.*\) \| 5 to 20 \|/);
  assert.match(report, /1 not reproduced/);
  assert.match(report, /\| Figure 2: .* \| 60 \| 2 \| – \| 1 not reproduced, /);
  assert.match(verdictLine(ratio), /^not reproduced: LoRA's best learning rate .*3\.33 \(/);
});

Deno.test("writeReport() covers the figures that are in the folder and no others", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await writeReport(folder);
    assert.deepEqual(JSON.parse(await Deno.readTextFile(join(folder, "findings.json"))), []);
    await Deno.writeTextFile(join(folder, "fig2.json"), JSON.stringify(data));
    await writeReport(folder);
    const findings = JSON.parse(await Deno.readTextFile(join(folder, "findings.json")));
    assert.deepEqual(findings.map(({ figure }: { figure: string }) => figure), ["2"]);
    assert.match(await Deno.readTextFile(join(folder, "REPORT.md")), /## Figure 2/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
