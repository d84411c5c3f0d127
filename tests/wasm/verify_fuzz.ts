/**
 * Fuzzing of the math verifier, for as long as one likes:
 *
 *     deno task verify:fuzz --minutes 20 --seed 1
 *
 * Three kinds of pairs: answers spelled in two ways from one value (must be equal) or from two (must
 * not), public cases with pieces cut and put in, and hostile texts (junk, long repeats, deep nests,
 * towers of powers). No call may throw or take more than {@linkcode SLOWEST} milliseconds of
 * processor time.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { type Verdict, verify } from "../../wasm/verify.ts";

/** A call that takes more processor time, in milliseconds, counts as a hang. */
export const SLOWEST = 3000;

/** A pair, and whether it must be equal where that is known. */
export interface FuzzPair {
  gold: string;
  prediction: string;
  equal?: boolean;
}

/** Draws whole numbers below a bound; the same seed draws the same ones. */
export type Draw = (below: number) => number;

/** SplitMix32. */
export function draws(seed: number): Draw {
  return (below) => {
    seed = (seed + 0x9e3779b9) | 0;
    let x = seed ^ (seed >>> 16);
    x = Math.imul(x, 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return ((x ^ (x >>> 15)) >>> 0) % below;
  };
}

const pick = <T>(draw: Draw, items: readonly T[]): T => items[draw(items.length)]!;

/** The fraction n/d in one of its spellings; d > 0. */
function number(draw: Draw, n: number, d: number): string {
  const sign = n < 0 ? pick(draw, ["-", "−", "- "]) : "";
  const a = Math.abs(n);
  if (d === 1) {
    const k = 2 + draw(8);
    return sign + pick(draw, [
      () => `${a}`,
      () => `${a}`,
      () => `${a}.0`,
      () => a >= 1000 ? a.toLocaleString("en").replaceAll(",", pick(draw, ["{,}", "\\,"])) : `${a}`,
      () => `\\frac{${a * k}}{${k}}`,
      () => `\\sqrt{${a * a}}`,
      () => `{${a}}`,
      () => `\\left( ${a} \\right)`,
      () => a <= 20 ? `\\binom{${a}}{1}` : `${a}`,
      () => `|${pick(draw, ["-", ""])}${a}|`,
    ])();
  }
  const k = 1 + draw(5);
  return sign + pick(draw, [
    () => `\\frac{${a}}{${d}}`,
    () => `\\dfrac{${a * k}}{${d * k}}`,
    () => `${a}/${d}`,
    () => a < 10 && d < 10 ? `\\frac${a}${d}` : `\\tfrac{${a}}{${d}}`,
    () => a > d ? `${Math.floor(a / d)}\\frac{${a % d}}{${d}}` : `\\frac{${a}}{${d}}`,
    () => `${a} \\div ${d}`,
  ])();
}

/** An expression whose value is n/d. */
function expression(draw: Draw, n: number, d: number, depth: number): string {
  if (depth === 0) return number(draw, n, d);
  const [m, k] = [draw(40) - 20, 1 + draw(6)];
  const part = (n: number, d: number) => `(${expression(draw, n, d, depth - 1)})`;
  return pick(draw, [
    // n/d = m/k + (nk − md)/(dk)
    () => `${part(m, k)} + ${part(n * k - m * d, d * k)}`,
    () => `${part(n * k + m * d, d * k)} - ${part(m, k)}`,
    () => `${part(n * k, d)} \\cdot \\frac{1}{${k}}`,
    () => `\\frac{${expression(draw, n * k, d, depth - 1)}}{${k}}`,
    () => `${part(n, d)}^{1}`,
    () => `\\left(${expression(draw, n, d, depth - 1)}\\right)`,
  ])();
}

/** Sorted ends of disjoint intervals, and whether each is open. */
type Pieces = { lo: number; hi: number; loOpen: boolean; hiOpen: boolean }[];

function pieces(draw: Draw): Pieces {
  let at = draw(20) - 15;
  return Array.from({ length: 1 + draw(3) }, () => {
    const lo = at;
    const hi = lo + 1 + draw(5);
    at = hi + 1 + draw(4);
    return { lo, hi, loOpen: draw(2) === 0, hiOpen: draw(2) === 0 };
  });
}

function set(draw: Draw, all: Pieces): string {
  const interval = ({ lo, hi, loOpen, hiOpen }: Pieces[number]) =>
    `${loOpen ? "(" : "["}${number(draw, lo, 1)}, ${number(draw, hi, 1)}${hiOpen ? ")" : "]"}`;
  const chain = ({ lo, hi, loOpen, hiOpen }: Pieces[number]) =>
    `${lo} ${loOpen ? "<" : "\\le"} x ${hiOpen ? "<" : pick(draw, ["\\le", "\\leq"])} ${hi}`;
  const order = draw(2) ? all : all.toReversed();
  return pick(draw, [
    () => order.map(interval).join(pick(draw, [" \\cup ", "\\cup", " ∪ "])),
    () => `x \\in ${order.map(interval).join(" \\cup ")}`,
    () => order.map((p) => `\\{x \\mid ${chain(p)}\\}`).join(" \\cup "),
  ])();
}

/** An answer as people and models write it. */
function written(draw: Draw, answer: string): string {
  return pick(draw, [
    `$${answer}$`,
    `\\boxed{${answer}}`,
    `So we get $y = 7$ and then \\[ \\boxed{${answer}} \\]`,
    `<think>Perhaps \\boxed{13}.</think> Therefore, the answer is \\(${answer}\\).`,
    `Step 1: $3 + 4 = 7$.\n\n**Final Answer**\n$$\\boxed{${answer}}$$`,
    `Final Answer: The final answer is $${answer}$. I hope it is correct.`,
    `It is first \\boxed{999}. No: $\\boxed{ ${answer} }$.`,
  ]);
}

/** Two spellings of one value, or of two different ones. */
export function spelled(draw: Draw): FuzzPair {
  const equal = draw(2) === 0;
  if (draw(3) === 0) {
    const gold = pieces(draw);
    const other = structuredClone(gold);
    const one = pick(draw, other);
    if (!equal) draw(2) ? one.hiOpen = !one.hiOpen : one.lo -= 1;
    return {
      gold: `$${set(draw, gold)}$`,
      prediction: written(draw, set(draw, other)),
      equal,
    };
  }
  const [n, d] = [draw(4000) - 2000, 1 + draw(draw(2) ? 1 : 12)];
  const off = equal ? 0 : pick(draw, [1, -1, d, 7]);
  const prediction = expression(draw, n + off, d, draw(3));
  return { gold: `$${number(draw, n, d)}$`, prediction: written(draw, prediction), equal };
}

const PIECES =
  "{ } ( ) [ ] | $ \\ ^ _ ! ^{ \\frac \\sqrt 9 0 . , - + / % \\boxed{ \\left \\right & \\\\ \\int dx \\infty e i x \\pm \\cup = < : \\log_ \\binom !! \\text{ \\overline{ ½ ² 数 \u0000 \\begin{pmatrix} \\end{pmatrix} \\begin{cases} \\{ \\} \\mid \\in \\pmod \\sum_{k=1}^{ \\prod \\lim_{x\\to \\lfloor \\rfloor ' f( sin \\cdot \\ldots \\mathbb{R} \\equiv \\, \\quad #### answer <think> </think> ** or and cm \\circ 𝑥 é \u202e \ud800 \n"
    .split(" ");

/** A text with a few pieces cut out and put in. */
export function mutated(draw: Draw, text: string): string {
  let out = text.slice(-300);
  for (let k = draw(6); k >= 0; k--) {
    const at = draw(out.length + 1);
    const cut = draw(3) === 0 ? draw(6) : 0;
    out = out.slice(0, at) + pick(draw, PIECES) + out.slice(at + cut);
  }
  return out;
}

/** Junk, repeats, nests and bombs, up to 100,000 characters. */
export function hostile(draw: Draw): string {
  const some = () => Array.from({ length: 1 + draw(4) }, () => pick(draw, PIECES)).join("");
  const size = 10 ** (1 + draw(5));
  const many = (unit: string) => unit.repeat(Math.max(1, Math.floor(size / (unit.length || 1))));
  const inner = pick(draw, [
    () =>
      Array.from({ length: 1 + draw(80) }, () => pick(draw, PIECES)).join(pick(draw, ["", " "])),
    () => many(some()),
    () =>
      many(
        pick(draw, [
          "a",
          "1",
          "1/",
          "x^",
          "(",
          "\\frac{",
          "\\sqrt{",
          "-",
          "+1",
          ",1",
          "1&",
          "\\int",
          "|",
          "[",
          "{",
          "!",
          "answer ",
          "\\boxed{",
          "$1$,",
          "=1",
          "<1",
          "1\\cup",
          "\\text{",
          "'",
          "_{",
          "f(",
        ]),
      ),
    () => {
      const open = pick(draw, [
        "(",
        "{",
        "\\left(",
        "\\frac{1}{",
        "\\sqrt{",
        "|",
        "\\{",
        "[",
        "\\sin(",
        "-(",
        "x^{",
        "\\boxed{",
        "\\begin{pmatrix}",
        "\\text{",
      ]);
      const close = pick(draw, [")", "}", "\\right)", "|", "]", "\\end{pmatrix}", ""]);
      const depth = 1 + draw(2000);
      return open.repeat(depth) + "1" + close.repeat(depth);
    },
    () => Array.from({ length: 2 + draw(5) }, () => 2 + draw(98)).join("^{") + "}".repeat(draw(6)),
    () =>
      `${draw(999)}${
        pick(draw, ["!", "!!", "!^{9!}", "^{99999}", "^{10^{10}}", "\\cdot 10^{9999}"])
      }`,
    () =>
      `\\${pick(draw, ["sum", "prod"])}_{k=1}^{${10 ** draw(12)}} \\${
        pick(draw, ["sum", "prod"])
      }_{j=1}^{k} ${some()}`,
  ])();
  return pick(draw, [
    inner,
    `$${inner}$`,
    `\\boxed{${inner}}`,
    `The answer is ${inner}`,
    `$x=${inner}$`,
  ]);
}

/** One pair of the next kind. */
export function pair(draw: Draw, cases: readonly FuzzPair[]): FuzzPair {
  switch (draw(4)) {
    case 0:
    case 1:
      return spelled(draw);
    case 2: {
      const { gold, prediction } = pick(draw, cases);
      return { gold: mutated(draw, gold), prediction: mutated(draw, prediction) };
    }
    default: {
      const text = hostile(draw);
      const other = draw(2) ? "$42$" : hostile(draw);
      return draw(2) ? { gold: text, prediction: other } : { gold: other, prediction: text };
    }
  }
}

/** What is wrong with the verdict on a pair, and the processor time it took in milliseconds. */
export function check({ gold, prediction, equal }: FuzzPair): { fault?: string; ms: number } {
  const start = process.cpuUsage();
  const spent = () => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
  let verdict: Verdict;
  try {
    verdict = verify(gold, prediction);
  } catch (error) {
    return { fault: `threw ${error}`, ms: spent() };
  }
  const ms = spent();
  if (equal !== undefined && verdict.equal !== equal) {
    return { fault: `expected ${equal}: ${JSON.stringify(verdict)}`, ms };
  }
  if (verdict.equal !== (verdict.rule !== null)) return { fault: "a rule without equality", ms };
  if (ms > SLOWEST) return { fault: `took ${ms.toFixed(0)} ms`, ms };
  return { ms };
}

/** The public cases as a start for mutations. */
export function publicCases(): FuzzPair[] {
  const path = new URL("../fixtures/verify/public.jsonl", import.meta.url);
  return Deno.readTextFileSync(path).trim().split("\n").map((line) => JSON.parse(line));
}

function main(): number {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "20" },
      seed: { type: "string", default: "1" },
    },
  });
  const draw = draws(Number(values.seed));
  const cases = publicCases();
  const until = performance.now() + Number(values.minutes) * 60_000;
  let [count, faults, slowest, report] = [0, 0, 0, performance.now() + 60_000];
  const shown = (text: string) => JSON.stringify(text.length > 300 ? text.slice(0, 300) : text);
  while (performance.now() < until) {
    const next = pair(draw, cases);
    const { fault, ms } = check(next);
    count++;
    if (ms > slowest) {
      slowest = ms;
      console.log(
        `slowest so far, ${ms.toFixed(0)} ms: ${shown(next.gold)} ${shown(next.prediction)}`,
      );
    }
    if (fault) {
      faults++;
      console.log(`${fault}\n  gold ${shown(next.gold)}\n  prediction ${shown(next.prediction)}`);
    }
    if (performance.now() > report) {
      report += 60_000;
      console.log(`${count} pairs, ${faults} faults, slowest ${slowest.toFixed(0)} ms`);
    }
  }
  console.log(`${count} pairs, ${faults} faults, slowest ${slowest.toFixed(0)} ms`);
  return faults > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(main());
