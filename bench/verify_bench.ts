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

function summary(name: string, milliseconds: number[], right: number, falselyEqual: number): void {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const total = sorted.reduce((sum, x) => sum + x, 0);
  const at = (q: number) => sorted[Math.floor(q * (sorted.length - 1))]!.toFixed(3);
  console.log(
    `${name}: ${(1000 * sorted.length / total).toFixed(0)} verifications/s, ` +
      `median ${at(0.5)} ms, p99 ${at(0.99)} ms, ` +
      `${(100 * right / cases.length).toFixed(2)} % right, ${falselyEqual} unequal called equal`,
  );
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
console.log(`noregret, one batch: ${(1000 * cases.length / batch).toFixed(0)} verifications/s`);
const rules = Object.groupBy(verdicts, (v) => v.rule ?? "not equal");
console.log(Object.entries(rules).map(([rule, v]) => `${rule} ${v!.length}`).join(", "));

const PYTHON = `
import json, sys, time, logging
logging.disable(logging.CRITICAL)
from math_verify import parse, verify, LatexExtractionConfig, ExprExtractionConfig, StringExtractionConfig
out = []
for case in json.load(sys.stdin):
    o = case["options"]
    kinds = []
    for t in o.get("targets", ["latex", "expr"]):
        if t == "latex": kinds.append(LatexExtractionConfig(boxed_match_priority=o.get("boxed_match_priority", 50)))
        elif t == "expr": kinds.append(ExprExtractionConfig())
        else: kinds.append(StringExtractionConfig(strings=tuple(o.get("strings", "ABCD")), lowercase=o.get("lowercase", True)))
    mode = {k: o[k] for k in ("fallback_mode", "extraction_mode") if k in o}
    start = time.perf_counter()
    try:
        prediction = case["prediction"]
        if "reasoning_delimiter" in o: prediction = prediction.split(o["reasoning_delimiter"])[-1]
        equal = verify(parse(case["gold"], kinds, **mode), parse(prediction, kinds, **mode), float_rounding=o.get("precision", 6), strict=o.get("strict", True))
    except Exception:
        equal = False
    out.append([1000 * (time.perf_counter() - start), bool(equal)])
json.dump(out, sys.stdout)
`;

const python = new Deno.Command("python3", {
  args: ["-c", PYTHON],
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
} else console.log("Math-Verify: not installed");
