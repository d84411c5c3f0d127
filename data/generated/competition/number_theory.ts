// Number theory, counting and probability.

import { fraction, gcd } from "../latex.ts";
import type { CompetitionTemplate } from "./problem.ts";

const WORDS = ["BANANA", "COFFEE", "LETTER", "LEVEL", "NOON", "PEPPER", "QUEUE", "TATTOO"];

/** Templates of these subjects. */
export const NUMBER_THEORY: readonly CompetitionTemplate[] = [
  {
    subject: "Number Theory",
    level: 2,
    make: (draw) => {
      const k = draw.integer(2, 15);
      const [a, b] = [k * draw.integer(2, 20), k * draw.integer(2, 20)];
      return {
        problem: `What is the greatest common divisor of $${a}$ and $${b}$?`,
        because: `Euclid's algorithm goes from $(${Math.max(a, b)}, ${Math.min(a, b)})$ to $(${
          gcd(a, b)
        }, 0)$.`,
        answer: String(gcd(a, b)),
      };
    },
  },
  {
    subject: "Number Theory",
    level: 4,
    make: (draw) => {
      const [a, m, n] = [draw.integer(2, 9), draw.integer(5, 19), draw.integer(10, 99)];
      return {
        problem: `What is the remainder when $${a}^{${n}}$ is divided by $${m}$?`,
        because: `The powers of $${a}$ repeat modulo $${m}$; we square and multiply.`,
        answer: String(power(a, n, m)),
      };
    },
  },
  {
    subject: "Number Theory",
    level: 3,
    make: (draw) => {
      const [p, q] = draw.some([2, 3, 5, 7], 2) as [number, number];
      const [i, j] = [draw.integer(1, 4), draw.integer(1, 3)];
      const n = p ** i * q ** j;
      return {
        problem: `How many positive divisors does $${n}$ have?`,
        because:
          `We have $${n} = ${p}^{${i}} \\cdot ${q}^{${j}}$, so there are $(${i} + 1)(${j} + 1)$.`,
        answer: String((i + 1) * (j + 1)),
      };
    },
  },
  {
    subject: "Number Theory",
    level: 3,
    make: (draw) => {
      const [n, base] = [draw.integer(20, 400), draw.integer(3, 9)];
      return {
        problem: `Write $${n}$ in base $${base}$.`,
        because: `Dividing by $${base}$ again and again leaves its digits as remainders.`,
        answer: `${n.toString(base)}_{${base}}`,
      };
    },
  },
  {
    subject: "Number Theory",
    level: 2,
    heldOut: true,
    make: (draw) => {
      const a = draw.integer(6, 40);
      const b = a + draw.integer(1, 20);
      return {
        problem: `Find the least common multiple of $${a}$ and $${b}$.`,
        because: `Their greatest common divisor is $${gcd(a, b)}$, and $${a} \\cdot ${b} = ${
          a * b
        }$.`,
        answer: String(a * b / gcd(a, b)),
      };
    },
  },
  {
    subject: "Number Theory",
    level: 4,
    heldOut: true,
    make: (draw) => {
      const m = draw.integer(5, 19);
      const a = draw.one(
        Array.from({ length: m - 2 }, (_, i) => i + 2).filter((a) => gcd(a, m) === 1),
      );
      const inverse = Array.from({ length: m }, (_, x) => x).find((x) => a * x % m === 1)!;
      return {
        problem:
          `Find the integer $x$ with $0 \\le x < ${m}$ such that $${a}x \\equiv 1 \\pmod{${m}}$.`,
        because: `Indeed $${a} \\cdot ${inverse} = ${a * inverse} = ${
          (a * inverse - 1) / m
        } \\cdot ${m} + 1$.`,
        answer: String(inverse),
      };
    },
  },
  {
    subject: "Counting & Probability",
    level: 2,
    make: (draw) => {
      const n = draw.integer(5, 12);
      const k = draw.integer(2, 4);
      return {
        problem: `In how many ways can a committee of $${k}$ people be chosen from $${n}$ people?`,
        because: `The order does not matter, so there are $\\binom{${n}}{${k}}$ ways.`,
        answer: String(choose(n, k)),
      };
    },
  },
  {
    subject: "Counting & Probability",
    level: 3,
    make: (draw) => {
      const sides = draw.one([4, 6, 8, 10]);
      const sum = draw.integer(3, 2 * sides - 1);
      const ways = sides - Math.abs(sides + 1 - sum);
      return {
        problem:
          `Two fair $${sides}$-sided dice, numbered from 1 to ${sides}, are rolled. What is the probability that the sum is $${sum}$? Express your answer as a common fraction.`,
        because: `Of the $${sides * sides}$ outcomes, $${ways}$ have that sum.`,
        answer: fraction(ways, sides * sides),
      };
    },
  },
  {
    subject: "Counting & Probability",
    level: 3,
    make: (draw) => {
      const word = draw.one(WORDS) + draw.one(["", "S", "D", "R", "X", "Y", "M", "W", "H", "K"]);
      const counts = [...Map.groupBy(word, (letter) => letter).values()].map(({ length }) =>
        length
      );
      const repeats = counts.filter((count) => count > 1).map((count) => `${count}!`);
      return {
        problem: `How many distinct arrangements of the letters of ${word} are there?`,
        because:
          `There are ${word.length} letters, and equal ones may change places: $\\frac{${word.length}!}{${
            repeats.join(" \\cdot ")
          }}$.`,
        answer: String(
          counts.reduce((ways, count) => ways / factorial(count), factorial(word.length)),
        ),
      };
    },
  },
  {
    subject: "Counting & Probability",
    level: 4,
    make: (draw) => {
      const [a, b] = [draw.integer(2, 9), draw.integer(2, 9)];
      const all = choose(a + b, 2);
      const same = choose(a, 2) + choose(b, 2);
      return {
        problem:
          `A bag holds $${a}$ red and $${b}$ blue balls. Two are drawn without replacement. What is the probability that they have the same colour?`,
        because: `Of the $${all}$ pairs, $${choose(a, 2)}$ are red and $${choose(b, 2)}$ are blue.`,
        answer: fraction(same, all),
      };
    },
  },
  {
    subject: "Counting & Probability",
    level: 4,
    heldOut: true,
    make: (draw) => {
      const n = draw.integer(4, 10);
      const k = draw.integer(2, n - 1);
      return {
        problem:
          `A fair coin is flipped $${n}$ times. What is the probability of exactly $${k}$ heads? Express your answer as a common fraction.`,
        because: `Of the $2^{${n}}$ outcomes, $\\binom{${n}}{${k}} = ${
          choose(n, k)
        }$ have ${k} heads.`,
        answer: fraction(choose(n, k), 2 ** n),
      };
    },
  },
  {
    subject: "Counting & Probability",
    level: 2,
    heldOut: true,
    make: (draw) => {
      const n = draw.integer(4, 9);
      const k = draw.integer(2, 4);
      const ways = factorial(n) / factorial(n - k);
      return {
        problem: `There are $${n}$ runners. In how many ways can the first $${k}$ places be taken?`,
        because: `There are ${n} for the first place, one fewer for each that follows.`,
        answer: String(ways),
      };
    },
  },
];

function power(a: number, n: number, m: number): number {
  let value = 1 % m;
  for (let i = 0; i < n; i++) value = value * a % m;
  return value;
}

function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1);
}

function choose(n: number, k: number): number {
  return factorial(n) / factorial(k) / factorial(n - k);
}
