// Generated competition problems: the answer of every template against one that is found in another way
// from the problem's text alone.

import assert from "@std/assert";
import { competition, COMPETITION_TEMPLATES } from "../../data/generated/competition.ts";
import { Draw } from "../../data/generated/draw.ts";
import { fraction, polynomial, squareRoot, terms } from "../../data/generated/latex.ts";
import { verify } from "../../wasm/verify.ts";

const range = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);
const choose = (n: number, k: number): number =>
  k === 0 || k === n ? 1 : choose(n - 1, k - 1) + choose(n - 1, k);

/** Coefficients of the first quadratic in a text, found by its values: [a, b, c]. */
function quadratic(text: string): [number, number, number] {
  const body = text.match(/(-?\d*)x\^2(?: ([+-]) (\d*)x)?(?: ([+-]) (\d+)(?!x))?/)!;
  const [, a = "", sign = "+", b, other = "+", c] = body;
  const leading = a === "" ? 1 : a === "-" ? -1 : Number(a);
  const middle = b === undefined ? 0 : Number(sign + (b || "1"));
  return [leading, middle, Number(other + (c ?? "0"))];
}

/** `3 - 2i` as [3, −2]. */
function parseComplex(text: string): [number, number] {
  const [, re, sign, im] = text.match(/^(-?\d+) ([+-]) (\d*)i$/)!;
  return [Number(re), Number(sign + (im || "1"))];
}

/** Begin of a problem → what its answer is, given the numbers and the text of the problem. */
const ANSWERS: readonly [RegExp, (n: number[], text: string) => string | number][] = [
  [/^What is \$\\frac/, ([a, b, c, d]) => `(${a}*${d}+${c}*${b})/(${b}*${d})`],
  [/^What is \$\d+\\%/, ([p, n]) => `${p! * n!}/100`],
  [/^Simplify/, ([n]) => `${n}^(1/2)`],
  [/^Compute \$\\frac/, ([a, b, c, d]) => `${a! * d!}/${b! * c!}`],
  [/^Solve for/, (_, text) => {
    const [, a, sign, b, c] = text.match(/\$(\d+)x ([+-]) (\d+) = (-?\d+)\$/)!;
    return `(${c} - (${sign}${b}))/${a}`;
  }],
  [/^Expand/, (_, text) => text.match(/\$(.*)\$/)![1]!],
  [/^Find all values/, (_, text) => {
    const [a, b, c] = quadratic(text);
    return range(41, -20).filter((x) => a * x * x + b * x + c === 0).join(",");
  }],
  [/^What is the slope/, ([a, b, c, d]) => `(${d} - (${b}))/(${c} - (${a}))`],
  [/^If \$x \+ y/, ([s, d]) => `(${s}+(${d}))/2*(${s}-(${d}))/2`],
  [/^Find the minimum/, (_, text) => {
    const [, b, c] = quadratic(text);
    return `(${-b}/2)^2 + (${b})*(${-b}/2) + (${c})`;
  }],
  [/^What is the remainder when .*x/, (_, text) => {
    const [, p, a] = text.match(/\$(.*)\$ is divided by \$x (.*)\$/)!;
    const x = -Number(a!.replace(" ", ""));
    const js = p!.replace(/(\d)x/g, "$1*x").replaceAll("^", "**").replace(/-x\*\*/g, "-1*x**");
    return Function("x", `return ${js}`)(x);
  }],
  [/^Solve the inequality/, (_, text) => {
    const [, p, b] = text.match(/\|x (.*)\| < (\d+)/)!;
    const centre = -Number(p!.replace(" ", ""));
    return `(${centre - Number(b)}, ${centre + Number(b)})`;
  }],
  [/^Compute \$\(/, (_, text) => text.match(/\$(.*)\$/)![1]!],
  [/^Let \$r\$/, (_, text) => {
    const [, b, c] = quadratic(text);
    const root = (b * b - 4 * c) / 4; // of the half difference, squared
    return 2 * (b * b / 4 + root);
  }],
  [/^For which real/, (_, text) => {
    const [a, b, c] = quadratic(text);
    const inside = range(61, -30).filter((x) => a * x * x + b * x + c <= 0);
    return `[${inside[0]}, ${inside.at(-1)}]`;
  }],
  [
    /^What is the greatest/,
    ([a, b]) => Math.max(...range(a!, 1).filter((k) => a! % k + b! % k === 0)),
  ],
  [
    /^What is the remainder when \$\d/,
    ([a, n, m]) => Number(BigInt(a!) ** BigInt(n!) % BigInt(m!)),
  ],
  [/^How many positive divisors/, ([n]) => range(n!, 1).filter((k) => n! % k === 0).length],
  [/^Write \$\d+\$ in base/, ([n, base]) => {
    let [digits, rest] = ["", n!];
    for (; rest > 0; rest = Math.floor(rest / base!)) digits = rest % base! + digits;
    return `${digits}_{${base}}`;
  }],
  [/^Find the least common/, ([a, b]) => range(a! * b!, 1).find((k) => k % a! + k % b! === 0)!],
  [/^Find the integer/, ([, m, a]) => range(m!).find((x) => a! * x % m! === 1)!],
  [/^In how many ways/, ([k, n]) => choose(n!, k!)],
  [/^Two fair/, ([sides, , , sum]) => {
    const rolls = range(sides!, 1).flatMap((a) => range(sides!, 1).map((b) => a + b));
    return `${rolls.filter((roll) => roll === sum).length}/${rolls.length}`;
  }],
  [/^How many distinct/, (_, text) => {
    const word = text.match(/of ([A-Z]+) are/)![1]!;
    const arrange = (letters: string): number =>
      letters === "" ? 1 : [...new Set(letters)].reduce(
        (sum, letter) => sum + arrange(letters.replace(letter, "")),
        0,
      );
    return arrange(word);
  }],
  [/^A bag holds/, ([a, b]) => {
    const colours = range(a! + b!).map((ball) => ball < a!);
    const pairs = colours.flatMap((one, i) => colours.slice(i + 1).map((two) => one === two));
    return `${pairs.filter((same) => same).length}/${pairs.length}`;
  }],
  [/^A fair coin/, ([n, k]) => {
    const heads = range(2 ** n!).map((flips) => flips.toString(2).replaceAll("0", "").length);
    return `${heads.filter((count) => count === k).length}/${2 ** n!}`;
  }],
  [
    /^There are \$\d+\$ runners/,
    ([n, k]) => range(k!).reduce((ways, place) => ways * (n! - place), 1),
  ],
  [/^The legs/, ([a, b]) => `\\sqrt{${a}^2 + ${b}^2}`],
  [/^A circle/, ([d]) => `\\pi (${d}/2)^2`],
  [/^What is the distance/, ([a, b, c, d]) => `\\sqrt{(${a} - (${c}))^2 + (${b} - (${d}))^2}`],
  [/^How many degrees/, ([n]) => `180 - 360/${n}`],
  [/^Find the volume/, ([r]) => `4\\pi ${r}^3 / 3`],
  [/^A box measures/, ([a, b, c]) => `\\sqrt{${a}^2 + ${b}^2 + ${c}^2}`],
  [/^Compute \$\\sin/, ([angle]) => `\\sin(${angle} \\pi/180)`],
  [/^Find the determinant/, ([a, b, c, d]) => a! * d! - b! * c!],
  [
    /^Compute \$\\begin/,
    ([a, b, c, d, e, f]) =>
      `\\begin{pmatrix} ${a! * e! + b! * f!} \\\\ ${c! * e! + d! * f!} \\end{pmatrix}`,
  ],
  [/^Write \$\\frac/, (_, text) => {
    const [, above, below] = text.match(/\\frac\{(.*?)\}\{(.*?)\}/)!;
    return `\\frac{${above}}{${below}}`;
  }],
  [/^Find \$\|/, (_, text) => {
    const [re, im] = parseComplex(text.match(/\|(.*)\|/)![1]!);
    return `\\sqrt{${re * re + im * im}}`;
  }],
  [/^Compute the cross/, ([a, b, c, d, e, f]) => {
    // Orthogonal to both, and of the length that Lagrange's identity gives: so is only ±v.
    const v = [b! * f! - c! * e!, c! * d! - a! * f!, a! * e! - b! * d!];
    const dot = (p: number[], q: number[]) => p.reduce((sum, x, i) => sum + x * q[i]!, 0);
    const [p, q] = [[a!, b!, c!], [d!, e!, f!]];
    assert.ok(dot(v, p) === 0 && dot(v, q) === 0);
    assert.equal(dot(v, v), dot(p, p) * dot(q, q) - dot(p, q) ** 2);
    return `\\begin{pmatrix} ${v.join(" \\\\ ")} \\end{pmatrix}`;
  }],
];

Deno.test("the answer of every template is what the problem asks for", () => {
  const used = new Set<RegExp>();
  for (const { make, subject } of COMPETITION_TEMPLATES) {
    for (let row = 0; row < 40; row++) {
      const { problem, because, answer } = make(new Draw(7, row));
      assert.ok(!/undefined|NaN|--|\+ -/.test(`${problem} ${because} ${answer}`), problem);
      const found = ANSWERS.find(([start]) => start.test(problem));
      if (!found) throw new Error(`No answer for ${problem}`);
      used.add(found[0]);
      const numbers = (problem.match(/-?\d+/g) ?? []).map(Number);
      const expected = String(found[1](numbers, problem));
      const verdict = verify(`$${answer}$`, `$${expected}$`);
      assert.ok(verdict.equal, `${subject}: ${problem} ${answer} against ${expected}`);
    }
  }
  assert.equal(used.size, ANSWERS.length);
});

Deno.test("both splits have every subject, and templates of their own", () => {
  for (const heldOut of [undefined, true]) {
    const subjects = COMPETITION_TEMPLATES.filter((one) => one.heldOut === heldOut);
    assert.equal(new Set(subjects.map(({ subject }) => subject)).size, 7);
  }
  const start = ({ problem }: { problem: string }) => problem.replace(/-?\d+/g, "#").slice(0, 20);
  const trained = new Set([...competition("train", 1000)].map(start));
  for (const row of competition("test", 200)) assert.ok(!trained.has(start(row)), row.problem);
});

Deno.test("competition() rows have MATH's columns and one box", () => {
  for (const row of competition("train", 300)) {
    assert.deepEqual(Object.keys(row), ["problem", "solution", "level", "type"]);
    assert.match(row.level, /^Level [1-5]$/);
    assert.equal(row.solution.split("\\boxed{").length, 2);
  }
});

Deno.test("numbers and polynomials are written as people write them", () => {
  assert.deepEqual([fraction(6, -4), fraction(8, 4), fraction(0, 5)], ["-\\frac{3}{2}", "2", "0"]);
  assert.deepEqual([squareRoot(36), squareRoot(72), squareRoot(7)], [
    "6",
    "6\\sqrt{2}",
    "\\sqrt{7}",
  ]);
  assert.equal(polynomial([-1, 0, 1, -3]), "-x^3 + x - 3");
  assert.equal(terms([[0, "x"]]), "0");
  assert.throws(() => fraction(1, 0), { message: /expected a denominator that is not 0/ });
});
