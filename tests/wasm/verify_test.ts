import assert from "@std/assert";
import {
  ANSWER_LANGUAGES,
  type AnswerLanguage,
  mathReward,
  type Verdict,
  verify,
  verifyBatch,
  type VerifyItem,
} from "../../wasm/verify.ts";
import { processorMs } from "../support/processor_time.ts";

interface Case {
  suite?: string;
  gold: string;
  prediction: string;
  expected: boolean;
  config?: Record<string, unknown> & { bare?: string[] };
}

function cases(name: string): Case[] {
  const path = new URL(`../fixtures/verify/${name}.jsonl`, import.meta.url);
  return Deno.readTextFileSync(path).trim().split("\n").map((line) => JSON.parse(line));
}

const CASES = cases("public");

/** A bare formula in dollars, unless it holds a formula already. */
function wrap(text: string): string {
  return /(?<!\\)\$|\\boxed|\\\[|\\\(/.test(text) ? text : `$${text}$`;
}

function item({ gold, prediction, config = {} }: Case): VerifyItem {
  const { bare = [], ...options } = config;
  return {
    gold: bare.includes("gold") ? wrap(gold) : gold,
    prediction: bare.includes("prediction") ? wrap(prediction) : prediction,
    options,
  };
}

/** SplitMix32: the same mutations on every run. */
function random(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x9e3779b9) | 0;
    let x = seed ^ (seed >>> 16);
    x = Math.imul(x, 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return ((x ^ (x >>> 15)) >>> 0) % below;
  };
}

Deno.test("at least 98 % of the public cases are judged as they should be, and at most 1 % of the unequal ones called equal", () => {
  const verdicts = verifyBatch(CASES.map(item));
  const wrong = CASES.filter((c, i) => verdicts[i]!.equal !== c.expected);
  const unequal = CASES.filter((c) => !c.expected);
  const falselyEqual = wrong.filter((c) => !c.expected);
  const shown = wrong.map((c) => `${c.gold} | ${c.prediction.slice(-80)}`).join("\n");
  assert.ok(CASES.length > 600 && unequal.length > 150);
  assert.ok(wrong.length <= 0.02 * CASES.length, shown);
  assert.ok(falselyEqual.length <= 0.01 * unequal.length, shown);
});

Deno.test("the pairs written for the verifier are judged as they should be", () => {
  const written = cases("written");
  const verdicts = verifyBatch(written.map(item));
  const wrong = written.filter((c, i) => verdicts[i]!.equal !== c.expected);
  assert.ok(written.length > 1000 && written.filter((c) => !c.expected).length > 200);
  assert.deepEqual(wrong, []);
});

Deno.test("identities and near misses are told apart", () => {
  const identities = cases("identities");
  const verdicts = verifyBatch(identities.map(item));
  const wrong = identities.filter((c, i) => verdicts[i]!.equal !== c.expected);
  assert.ok(identities.length > 500 && identities.filter((c) => !c.expected).length > 200);
  assert.deepEqual(wrong, []);
});

Deno.test("exact rules come before evaluation, which states its error", () => {
  const rule = (gold: string, prediction: string) => verify(`$${gold}$`, `$${prediction}$`).rule;
  assert.equal(rule("0.5", "1/2"), "exact");
  assert.equal(rule("\\sqrt{3+2\\sqrt2}", "1+\\sqrt2"), "exact");
  assert.equal(rule("\\frac{x^2-1}{x-1}", "x+1"), "canonical");
  const integral = verify("$\\int_0^1 x^2\\,dx$", "$1/3$");
  assert.equal(integral.rule, "numeric");
  assert.ok(integral.error_bound! > 0 && integral.error_bound! < 1e-10);
  assert.ok(integral.confidence < 1);
});

Deno.test("a batch says of each item what it read and which rule decided", () => {
  const [half, set] = verifyBatch([
    { gold: "$\\frac12$", prediction: "So we get \\boxed{\\frac{2}{4}}." },
    { gold: "$x<2 \\text{ or } x>3$", prediction: "$(-\\infty,2)\\cup(3,\\infty)$" },
  ]);
  assert.deepEqual(half, {
    equal: true,
    rule: "exact",
    confidence: 1,
    gold_parsed: "1/2",
    prediction_parsed: "2/4",
  });
  assert.equal(set!.rule, "set");
});

Deno.test("the last box wins, and what stands before </think> does not count", () => {
  assert.ok(verify("$7$", "First \\boxed{5}. That was wrong. It is \\boxed{7}.").equal);
  assert.ok(verify("$7$", "<think>\\boxed{9}</think> The answer is $7$.").equal);
  assert.ok(!verify("$9$", "<think>\\boxed{9}</think> The answer is $7$.").equal);
});

Deno.test("rounding goes by the option's precision", () => {
  assert.ok(!verify("$0.33$", "$\\frac13$").equal);
  assert.ok(verify("$0.33$", "$\\frac13$", { precision: 2 }).equal);
});

Deno.test("tiny numbers that round to the same decimals are not equal", () => {
  assert.ok(!verify("$1/2^{99}$", "$1/2^{98}$").equal);
});

Deno.test("a text without an answer is not equal and says so", () => {
  const verdict = verify("$0$", "I do not know");
  assert.equal(verdict.equal, false);
  assert.match(verdict.error!, /no answer/);
});

Deno.test("an unknown option is an error of its own item", () => {
  const [bad, good] = verifyBatch([
    { gold: "1", prediction: "1", options: { precison: 3 } as never },
    { gold: "1", prediction: "1" },
  ]);
  assert.match(bad!.error!, /precison/);
  assert.ok(good!.equal);
});

Deno.test("each language announces its final answer, and one asked for alone counts", () => {
  const texts: Partial<Record<AnswerLanguage, string>> = {
    english: "The final answer is 42. It took 7 steps.",
    arabic: "الإجابة النهائية هي 42. عدد الخطوات 7",
    chinese: "最终答案是 42，共用 7 步。",
    dutch: "Het uiteindelijke antwoord is 42, in 7 stappen.",
    french: "La réponse finale est 42, obtenue en 7 étapes.",
    german: "Die endgültige Antwort ist 42, in 7 Schritten.",
    hindi: "अंतिम उत्तर है 42। कुल 7 चरण।",
    italian: "La risposta finale è 42, in 7 passi.",
    japanese: "最終的な答えは42です。手順は7つです。",
    korean: "최종 답은 42입니다. 단계는 7개입니다.",
    polish: "Ostateczna odpowiedź to 42, w 7 krokach.",
    portuguese: "A resposta final é 42, em 7 passos.",
    russian: "Итоговый ответ: 42. Всего 7 шагов.",
    spanish: "La respuesta final es 42. Usamos 7 pasos.",
    turkish: "Nihai cevap: 42, toplam 7 adım.",
    vietnamese: "Đáp án cuối cùng là 42, gồm 7 bước.",
  };
  for (const [language, text] of Object.entries(texts) as [AnswerLanguage, string][]) {
    assert.ok(verify("$42$", text).equal, text);
    assert.ok(verify("$42$", text, { language }).equal, text);
    const other = language === "thai" ? "czech" : "thai";
    assert.ok(!verify("$42$", text, { language: other }).equal, `${language} read as ${other}`);
  }
  for (const language of ANSWER_LANGUAGES) {
    assert.equal(verify("$1$", "1", { language }).error, undefined, language);
  }
  const bad = verify("$1$", "1", { language: "klingon" as never });
  assert.match(bad.error!, /unknown language "klingon": expected one of english, /);
});

Deno.test("the reward is 1 for the right answer, and a box earns its own", () => {
  assert.equal(mathReward("$4$", "\\boxed{2+2}"), 1);
  assert.equal(mathReward("$4$", "\\boxed{5}", { format: 0.1 }), 0.1);
  assert.equal(mathReward("$4$", "4", { format: 0.1 }), 1);
  assert.equal(mathReward("$4$", "\\fbox{2+2}", { format: 0.1 }), 1.1);
});

Deno.test("a problem whose gold text has no answer has no reward, rather than 0", () => {
  assert.equal(mathReward("no solution here", "\\boxed{4}", { format: 0.1 }), null);
  assert.equal(mathReward("$4$", "no answer here"), 0);
});

const HOSTILE: [string, string][] = [
  ["a tower of powers", "$9^{9^{9^9}}$"],
  ["a factorial of a factorial", "$((9!)!)!$"],
  ["a sum over a billion terms", "$\\sum_{i=1}^{999999999}\\sum_{j=1}^{999999999} ij$"],
  ["a huge binomial", "$\\binom{99999999}{49999999}$"],
  ["deep parentheses", `$${"(".repeat(50_000)}1${")".repeat(50_000)}$`],
  ["deep fractions", `$${"\\frac{1}{".repeat(5000)}1${"}".repeat(5000)}$`],
  ["a long chain of divisions", `$${"1/".repeat(2000)}1$`],
  ["many factorials", `$9${"!".repeat(3000)}$`],
  ["unclosed boxes", "\\boxed{".repeat(30_000)],
  ["unclosed environments", "\\(".repeat(100_000)],
  ["dollars only", "$".repeat(200_000)],
  ["digits only", "9".repeat(200_000)],
  ["a megabyte of prose", "The answer is $x^2$. ".repeat(50_000)],
  ["a wide matrix", `$\\begin{pmatrix}${"1 & ".repeat(2000)}1\\end{pmatrix}$`],
  ["nested integrals", `$${"\\int_0^1".repeat(40)}x dx$`],
  ["control characters", "\u0000\u0001".repeat(5000)],
];

for (const [name, text] of HOSTILE) {
  Deno.test(`${name} ends quickly and equals nothing else`, () => {
    const start = processorMs();
    const verdicts = [verify("$42$", text), verify(text, "$42$"), verify(text, "$9^{9^{9^8}}$")];
    assert.ok(verdicts.every((v) => !v.equal));
    // Against hangs: the slowest takes 0.3 s.
    assert.ok(processorMs() - start < 10_000);
  });
}

Deno.test("mutated answers never trap the module and always give a verdict", () => {
  const next = random(20);
  const pieces =
    "{ } ( ) [ ] | $ \\ ^ _ ! ^{ \\frac \\sqrt 9 0 . , - + / % \\boxed{ \\left \\right & \\\\ \\int dx \\infty e i x \\pm \\cup = < : \\log_ \\binom !! \\text{ \\overline{ ½ ² 数 \u0000"
      .split(" ");
  const items: VerifyItem[] = Array.from({ length: 20_000 }, () => {
    const mutate = (text: string) => {
      let out = text.slice(-150);
      for (let k = next(5); k >= 0; k--) {
        const at = next(out.length + 1);
        const cut = next(3) === 0 ? next(4) : 0;
        out = out.slice(0, at) + pieces[next(pieces.length)] + out.slice(at + cut);
      }
      return out;
    };
    const { gold, prediction } = item(CASES[next(CASES.length)]!);
    return { gold: mutate(gold), prediction: mutate(prediction) };
  });
  const verdicts: Verdict[] = verifyBatch(items);
  assert.equal(verdicts.length, items.length);
  assert.ok(verdicts.every((v) => typeof v.equal === "boolean" && v.equal === (v.rule !== null)));
});

Deno.test("a number changed in one digit is never equal to the right one", () => {
  const next = random(7);
  const items: VerifyItem[] = [];
  for (const { gold } of CASES) {
    // Only a formula that is one plain number: elsewhere another digit may say the same.
    const number = /^\$?(-?\d+(?:\.\d+)?)\$?$/.exec(gold)?.[1];
    if (!number) continue;
    const digits = [...number.matchAll(/\d/g)].map((m) => m.index);
    const at = digits[next(digits.length)]!;
    const other = String((Number(number[at]) + 1 + next(9)) % 10);
    const changed = number.slice(0, at) + other + number.slice(at + 1);
    items.push({ gold: `$${number}$`, prediction: `\\boxed{${changed}}` });
  }
  assert.ok(items.length > 50);
  const equal = items.filter((_, i) => verifyBatch([items[i]!])[0]!.equal);
  assert.deepEqual(equal, []);
});
