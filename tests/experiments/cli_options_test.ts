import assert from "@std/assert";
import { parseCli } from "../../experiments/cli_options.ts";

Deno.test("parseCli() fills in the laptop preset and reads lists", () => {
  assert.equal(parseCli([]).figure.preset, "laptop");
  const { figure, out, dryRun } = parseCli([
    "--preset=smoke",
    "--ranks",
    "16,1,16",
    "--lrs",
    "1e-3,.0005",
    "--steps",
    "12",
    "--seed",
    "0",
    "--seeds",
    "3",
    "--backend",
    "cpu",
    "--out",
    "here",
    "--dry-run",
  ]);
  assert.deepEqual({ ...figure }, {
    preset: "smoke",
    ranks: [1, 16],
    lrs: [0.0005, 0.001],
    steps: 12,
    seed: 0,
    seeds: 3,
    backend: "cpu",
  });
  assert.deepEqual([out, dryRun], ["here", true]);
});

Deno.test("parseCli() refuses what it does not know in one line that names it", () => {
  const cases: [string[], RegExp][] = [
    [["--foo"], /'--foo'.*--preset/],
    [["--preset", "huge"], /--preset "huge": expected one of "smoke", "laptop", "paper"/],
    [["--backend", "tpu"], /--backend "tpu"/],
    [["--ranks", "0"], /--ranks "0": expected an integer from 1 to 512/],
    [["--ranks", "1,x"], /--ranks "x"/],
    [["--lrs", "-1"], /--lrs|-1/],
    [["--lrs", "0"], /--lrs "0"/],
    [["--steps", "1.5"], /--steps "1.5"/],
    [["--steps", ""], /--steps ""/],
    [["--steps"], /--steps/],
    [["laptop"], /"laptop": expected options only/],
  ];
  for (const [args, message] of cases) {
    assert.throws(() => parseCli(args), { name: "RangeError", message });
    // One line: `.` matches no line break.
    assert.throws(() => parseCli(args), { message: /^.*$/ });
  }
});
