// Prealgebra, algebra and intermediate algebra.

import { complex, fraction, polynomial, squareRoot, terms } from "../latex.ts";
import type { CompetitionTemplate } from "./problem.ts";

/** Templates of these subjects. */
export const ALGEBRA: readonly CompetitionTemplate[] = [
  {
    subject: "Prealgebra",
    level: 1,
    make: (draw) => {
      const [b, d] = [draw.integer(2, 12), draw.integer(2, 12)];
      const [a, c] = [draw.integer(1, b - 1), draw.integer(1, d - 1)];
      return {
        problem:
          `What is $\\frac{${a}}{${b}} + \\frac{${c}}{${d}}$? Express your answer as a common fraction.`,
        because: `Over the denominator ${b * d} the sum is $\\frac{${a * d} + ${c * b}}{${
          b * d
        }} = \\frac{${a * d + c * b}}{${b * d}}$.`,
        answer: fraction(a * d + c * b, b * d),
      };
    },
  },
  {
    subject: "Prealgebra",
    level: 2,
    make: (draw) => {
      const [p, n] = [5 * draw.integer(1, 19), draw.integer(12, 90)];
      return {
        problem: `What is $${p}\\%$ of $${n}$?`,
        because: `It is $\\frac{${p}}{100} \\cdot ${n} = \\frac{${p * n}}{100}$.`,
        answer: fraction(p * n, 100),
      };
    },
  },
  {
    subject: "Prealgebra",
    level: 2,
    make: (draw) => {
      const [k, m] = [draw.integer(2, 12), draw.one([2, 3, 5, 6, 7, 10, 11, 13, 15])];
      return {
        problem: `Simplify $\\sqrt{${k * k * m}}$.`,
        because: `We have $${k * k * m} = ${k}^2 \\cdot ${m}$.`,
        answer: squareRoot(k * k * m),
      };
    },
  },
  {
    subject: "Prealgebra",
    level: 3,
    heldOut: true,
    make: (draw) => {
      const [a, b] = [draw.integer(1, 12), draw.integer(2, 12)];
      const [c, d] = [draw.integer(1, 12), draw.integer(2, 12)];
      return {
        problem:
          `Compute $\\frac{${a}}{${b}} \\div \\frac{${c}}{${d}}$. Write the result in lowest terms.`,
        because:
          `Dividing by a fraction is multiplying by its reciprocal: $\\frac{${a}}{${b}} \\cdot \\frac{${d}}{${c}} = \\frac{${
            a * d
          }}{${b * c}}$.`,
        answer: fraction(a * d, b * c),
      };
    },
  },
  {
    subject: "Algebra",
    level: 1,
    make: (draw) => {
      const [a, b, c] = [draw.integer(2, 12), draw.nonZero(20), draw.integer(-20, 40)];
      return {
        problem: `Solve for $x$: $${terms([[a, "x"], [b, ""]])} = ${c}$.`,
        because: `Then $${a}x = ${c - b}$, and we divide by $${a}$.`,
        answer: fraction(c - b, a),
      };
    },
  },
  {
    subject: "Algebra",
    level: 2,
    make: (draw) => {
      const [a, b, c, d] = [
        draw.integer(1, 6),
        draw.nonZero(9),
        draw.integer(1, 6),
        draw.nonZero(9),
      ];
      return {
        problem: `Expand $(${polynomial([a, b])})(${polynomial([c, d])})$.`,
        because: `The products are $${polynomial([a * c, 0, 0])}$, $${
          terms([[a * d, "x"], [b * c, "x"]])
        }$ and $${b * d}$.`,
        answer: polynomial([a * c, a * d + b * c, b * d]),
      };
    },
  },
  {
    subject: "Algebra",
    level: 3,
    make: (draw) => {
      const p = draw.integer(-9, 8);
      const q = draw.integer(p + 1, 9);
      return {
        problem: `Find all values of $x$ such that $${
          polynomial([1, -p - q, p * q])
        } = 0$. Enter them separated by commas.`,
        because: `The left side is $(${polynomial([1, -p])})(${polynomial([1, -q])})$.`,
        answer: `${p},${q}`,
      };
    },
  },
  {
    subject: "Algebra",
    level: 2,
    make: (draw) => {
      const [x, y] = [draw.integer(-9, 9), draw.integer(-9, 9)];
      const [dx, dy] = [draw.nonZero(9), draw.integer(-9, 9)];
      return {
        problem: `What is the slope of the line through $(${x},${y})$ and $(${x + dx},${y + dy})$?`,
        because: `The slope is $\\frac{${y + dy} - (${y})}{${
          x + dx
        } - (${x})} = \\frac{${dy}}{${dx}}$.`,
        answer: fraction(dy, dx),
      };
    },
  },
  {
    subject: "Algebra",
    level: 3,
    heldOut: true,
    make: (draw) => {
      const [x, y] = [draw.integer(2, 15), draw.nonZero(12)];
      return {
        problem: `If $x + y = ${x + y}$ and $x - y = ${x - y}$, what is $xy$?`,
        because: `Adding gives $2x = ${2 * x}$, so $x = ${x}$ and $y = ${y}$.`,
        answer: String(x * y),
      };
    },
  },
  {
    subject: "Intermediate Algebra",
    level: 3,
    make: (draw) => {
      const [b, c] = [draw.nonZero(15), draw.integer(-20, 20)];
      return {
        problem: `Find the minimum value of $${polynomial([1, b, c])}$ over all real numbers $x$.`,
        because: `It is taken at $x = ${fraction(-b, 2)}$, where the square of $x ${
          b < 0 ? "-" : "+"
        } ${fraction(Math.abs(b), 2)}$ vanishes.`,
        answer: fraction(4 * c - b * b, 4),
      };
    },
  },
  {
    subject: "Intermediate Algebra",
    level: 4,
    make: (draw) => {
      const coefficients = [draw.integer(1, 4), draw.nonZero(6), draw.nonZero(6), draw.nonZero(9)];
      const a = draw.nonZero(3);
      const value = coefficients.reduce((sum, coefficient) => sum * a + coefficient, 0);
      return {
        problem: `What is the remainder when $${polynomial(coefficients)}$ is divided by $${
          polynomial([1, -a])
        }$?`,
        because: `By the remainder theorem it is the value of the polynomial at $x = ${a}$.`,
        answer: String(value),
      };
    },
  },
  {
    subject: "Intermediate Algebra",
    level: 3,
    make: (draw) => {
      const [a, b] = [draw.nonZero(15), draw.integer(1, 12)];
      return {
        problem: `Solve the inequality $|${
          polynomial([1, -a])
        }| < ${b}$. Give your answer in interval notation.`,
        because: `It says that $x$ is less than ${b} away from $${a}$.`,
        answer: `(${a - b},${a + b})`,
      };
    },
  },
  {
    subject: "Intermediate Algebra",
    level: 3,
    make: (draw) => {
      const [a, b, c, d] = [
        draw.integer(1, 9),
        draw.nonZero(9),
        draw.integer(1, 9),
        draw.nonZero(9),
      ];
      return {
        problem: `Compute $(${complex(a, b)})(${complex(c, d)})$.`,
        because: `Since $i^2 = -1$, the real part is $${a * c} - (${
          b * d
        })$ and the imaginary part $${a * d} + (${b * c})$.`,
        answer: complex(a * c - b * d, a * d + b * c),
      };
    },
  },
  {
    subject: "Intermediate Algebra",
    level: 5,
    heldOut: true,
    make: (draw) => {
      const [b, c] = [draw.nonZero(12), draw.nonZero(12)];
      return {
        problem: `Let $r$ and $s$ be the roots of $${
          polynomial([1, b, c])
        }$, which may be complex. Find $r^2 + s^2$.`,
        because: `By Vieta $r + s = ${-b}$ and $rs = ${c}$, and $r^2 + s^2 = (r + s)^2 - 2rs$.`,
        answer: String(b * b - 2 * c),
      };
    },
  },
  {
    subject: "Intermediate Algebra",
    level: 4,
    heldOut: true,
    make: (draw) => {
      const p = draw.integer(-12, 10);
      const q = draw.integer(p + 1, 12);
      return {
        problem: `For which real $x$ is $${
          polynomial([1, -p - q, p * q])
        } \\le 0$? Answer with an interval.`,
        because: `The roots are $${p}$ and $${q}$, and the parabola opens upwards.`,
        answer: `[${p},${q}]`,
      };
    },
  },
];
