/**
 * The verifier beside Python's Math-Verify, on the public cases, in one run.
 *
 *     deno run -A bench/verify_bench.ts
 *
 * Python is left out where it lacks `math_verify`. Times are one thread, one case a call. Ours are
 * taken in several passes: the first is what a fresh process sees, and the least time of each case
 * is what the call costs where nothing else on the machine interrupts it. Python, whose calls take
 * longer than an interruption, gets one pass.
 */

import { PYTHON } from "../tests/support/python.ts";
import { verify, verifyBatch, type VerifyItem } from "../wasm/verify.ts";

const PATH = new URL("../tests/fixtures/verify/public.jsonl", import.meta.url).pathname;

interface Case extends VerifyItem {
  expected: boolean;
}

const cases: Case[] = Deno.readTextFileSync(PATH).trim().split("\n").map((line) => {
  const { gold, prediction, expected, config: { bare = [], ...options } = {} } = JSON.parse(line);
  const wrap = (text: string) => /(?<!\\)\$|\\boxed|\\\[|\\\(/.test(text) ? text : `$${text}$`;
  return {
    gold: bare.includes("gold") ? wrap(gold) : gold,
    prediction: bare.includes("prediction") ? wrap(prediction) : prediction,
    expected,
    options,
  };
});

/** Prints a provider's speed and its mistakes as one JSON line. */
function summary(
  provider: string,
  milliseconds: number[],
  right: number,
  falselyEqual: number,
): void {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const total = sorted.reduce((sum, x) => sum + x, 0);
  const at = (q: number) => Math.round(1000 * sorted[Math.floor(q * (sorted.length - 1))]!) / 1000;
  console.log(JSON.stringify({
    provider,
    per_s: Math.round(1000 * sorted.length / total),
    p50_ms: at(0.5),
    p99_ms: at(0.99),
    right_percent: Math.round(10_000 * right / cases.length) / 100,
    unequal_called_equal: falselyEqual,
  }));
}

/** Passes over the cases. */
const PASSES = 10;

// Starts the module, which warms itself up.
verify("$1$", "$1$");
const passes = Array.from({ length: PASSES }, () =>
  cases.map(({ gold, prediction, options }) => {
    const start = performance.now();
    verify(gold, prediction, options);
    return performance.now() - start;
  }));
const verdicts = cases.map(({ gold, prediction, options }) => verify(gold, prediction, options));
const right = cases.filter((c, i) => c.expected === verdicts[i]!.equal).length;
const falselyEqual = cases.filter((c, i) => !c.expected && verdicts[i]!.equal).length;
const least = cases.map((_, i) => Math.min(...passes.map((pass) => pass[i]!)));
summary("noregret, first pass", passes[0]!, right, falselyEqual);
summary("noregret, least of each case", least, right, falselyEqual);
const batches = passes.map(() => {
  const start = performance.now();
  verifyBatch(cases);
  return performance.now() - start;
});
const batch = Math.min(...batches);
console.log(
  JSON.stringify({
    provider: "noregret, one batch",
    per_s: Math.round(1000 * cases.length / batch),
  }),
);
const rules = Object.entries(Object.groupBy(verdicts, (v) => v.rule ?? "not equal"));
console.log(
  JSON.stringify({ rules: Object.fromEntries(rules.map(([rule, v]) => [rule, v!.length])) }),
);

const python = new Deno.Command(PYTHON, {
  args: [new URL("./peers/math_verify_peer.py", import.meta.url).pathname],
  stdin: "piped",
  stdout: "piped",
  stderr: "null",
}).spawn();
const writer = python.stdin.getWriter();
await writer.write(new TextEncoder().encode(JSON.stringify(cases)));
await writer.close();
const { code, stdout } = await python.output();
if (code === 0) {
  const rows: [number, boolean][] = JSON.parse(new TextDecoder().decode(stdout));
  summary(
    "Math-Verify",
    rows.map((row) => row[0]),
    rows.filter((row, i) => row[1] === cases[i]!.expected).length,
    rows.filter((row, i) => row[1] && !cases[i]!.expected).length,
  );
} else console.error("Math-Verify: not installed");
