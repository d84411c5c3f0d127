// Geometry and precalculus.

import type { Draw } from "../draw.ts";
import { complex, fraction, matrix, squareRoot, terms } from "../latex.ts";
import type { CompetitionTemplate } from "./problem.ts";

/** Sine of special angles in degrees. */
const SINES: readonly (readonly [degrees: number, sine: string])[] = [
  [0, "0"],
  [30, "\\frac{1}{2}"],
  [45, "\\frac{\\sqrt{2}}{2}"],
  [60, "\\frac{\\sqrt{3}}{2}"],
  [90, "1"],
];

/** Templates of these subjects. */
export const GEOMETRY: readonly CompetitionTemplate[] = [
  {
    subject: "Geometry",
    level: 2,
    make: (draw) => {
      const [a, b] = [draw.integer(1, 15), draw.integer(1, 15)];
      return {
        problem:
          `The legs of a right triangle are $${a}$ and $${b}$. How long is its hypotenuse? Express your answer in simplest radical form.`,
        because: `By Pythagoras it is $\\sqrt{${a * a} + ${b * b}} = \\sqrt{${a * a + b * b}}$.`,
        answer: squareRoot(a * a + b * b),
      };
    },
  },
  {
    subject: "Geometry",
    level: 1,
    make: (draw) => {
      const d = draw.integer(2, 60);
      return {
        problem:
          `A circle has diameter $${d}$. What is its area? Express your answer in terms of $\\pi$.`,
        because: `The radius is $${fraction(d, 2)}$.`,
        answer: times(d * d, 4),
      };
    },
  },
  {
    subject: "Geometry",
    level: 3,
    make: (draw) => {
      const [x, y] = [draw.integer(-9, 9), draw.integer(-9, 9)];
      const [dx, dy] = [draw.nonZero(12), draw.nonZero(12)];
      return {
        problem: `What is the distance between the points $(${x},${y})$ and $(${x + dx},${
          y + dy
        })$?`,
        because: `The coordinates differ by $${Math.abs(dx)}$ and $${Math.abs(dy)}$.`,
        answer: squareRoot(dx * dx + dy * dy),
      };
    },
  },
  {
    subject: "Geometry",
    level: 2,
    make: (draw) => {
      const n = draw.integer(5, 40);
      return {
        problem:
          `How many degrees are in each interior angle of a regular polygon with $${n}$ sides?`,
        because: `The angles add up to $180 \\cdot ${n - 2} = ${180 * (n - 2)}$ degrees.`,
        answer: fraction(180 * (n - 2), n),
      };
    },
  },
  {
    subject: "Geometry",
    level: 3,
    heldOut: true,
    make: (draw) => {
      const r = draw.integer(1, 60);
      return {
        problem: `Find the volume of a sphere of radius $${r}$, in terms of $\\pi$.`,
        because: `The volume is $\\frac{4}{3} \\pi \\cdot ${r}^3$.`,
        answer: times(4 * r ** 3, 3),
      };
    },
  },
  {
    subject: "Geometry",
    level: 4,
    heldOut: true,
    make: (draw) => {
      const [a, b, c] = [draw.integer(1, 12), draw.integer(1, 12), draw.integer(1, 12)];
      return {
        problem:
          `A box measures $${a}$ by $${b}$ by $${c}$. What is the length of its space diagonal?`,
        because: `Its square is $${a}^2 + ${b}^2 + ${c}^2 = ${a * a + b * b + c * c}$.`,
        answer: squareRoot(a * a + b * b + c * c),
      };
    },
  },
  {
    subject: "Precalculus",
    level: 2,
    make: (draw) => {
      const turn = 360 * draw.integer(-3, 3);
      const [angle, sine] = sineOf(draw);
      return {
        problem: `Compute $\\sin ${angle + turn}^\\circ$.`,
        because: `It equals $\\sin ${angle}^\\circ$.`,
        answer: sine,
      };
    },
  },
  {
    subject: "Precalculus",
    level: 2,
    make: (draw) => {
      const [a, b, c, d] = [draw.nonZero(9), draw.nonZero(9), draw.nonZero(9), draw.nonZero(9)];
      return {
        problem: `Find the determinant of $${matrix([[a, b], [c, d]])}$.`,
        because: `It is $(${a})(${d}) - (${b})(${c})$.`,
        answer: String(a * d - b * c),
      };
    },
  },
  {
    subject: "Precalculus",
    level: 3,
    make: (draw) => {
      const [a, b, c, d] = [draw.nonZero(5), draw.nonZero(5), draw.nonZero(5), draw.nonZero(5)];
      const [e, f] = [draw.nonZero(5), draw.nonZero(5)];
      return {
        problem: `Compute $${matrix([[a, b], [c, d]])} ${matrix([[e], [f]])}$.`,
        because: `Each entry is the product of a row with the column.`,
        answer: matrix([[a * e + b * f], [c * e + d * f]]),
      };
    },
  },
  {
    subject: "Precalculus",
    level: 4,
    make: (draw) => {
      const [a, b, c, d] = [draw.nonZero(9), draw.nonZero(9), draw.nonZero(9), draw.nonZero(9)];
      const norm = c * c + d * d;
      const [re, im] = [a * c + b * d, b * c - a * d];
      return {
        problem: `Write $\\frac{${complex(a, b)}}{${complex(c, d)}}$ in the form $p + qi$.`,
        because: `Multiplied by the conjugate, the numerator is $${
          complex(re, im)
        }$ and the denominator $${norm}$.`,
        answer: quotient(re, im, norm),
      };
    },
  },
  {
    subject: "Precalculus",
    level: 3,
    heldOut: true,
    make: (draw) => {
      const [a, b] = [draw.nonZero(15), draw.nonZero(15)];
      return {
        problem: `Find $|${complex(a, b)}|$.`,
        because: `It is $\\sqrt{${a * a} + ${b * b}}$.`,
        answer: squareRoot(a * a + b * b),
      };
    },
  },
  {
    subject: "Precalculus",
    level: 4,
    heldOut: true,
    make: (draw) => {
      const [a, b, c] = [draw.nonZero(6), draw.nonZero(6), draw.nonZero(6)];
      const [d, e, f] = [draw.nonZero(6), draw.nonZero(6), draw.nonZero(6)];
      return {
        problem: `Compute the cross product $${matrix([[a], [b], [c]])} \\times ${
          matrix([[d], [e], [f]])
        }$.`,
        because: `Its first entry is $(${b})(${f}) - (${c})(${e})$, and so on around.`,
        answer: matrix([[b * f - c * e], [c * d - a * f], [a * e - b * d]]),
      };
    },
  },
];

/** a/b times π. */
function times(a: number, b: number): string {
  const factor = fraction(a, b);
  return factor === "1" ? "\\pi" : `${factor}\\pi`;
}

/** An angle from 0° to 359° and its sine. */
function sineOf(draw: Draw): [angle: number, sine: string] {
  const [degrees, sine] = draw.one(SINES);
  const mirrored = draw.integer(0, 1) === 1 ? 180 - degrees : degrees;
  const below = draw.integer(0, 1) === 1 && sine !== "0";
  return below ? [mirrored + 180, `-${sine}`] : [mirrored, sine];
}

/** (re + im·i) / norm in lowest terms. */
function quotient(re: number, im: number, norm: number): string {
  if (re === 0) return `${imaginary(im, norm)}`;
  if (im === 0) return fraction(re, norm);
  const sign = im < 0 ? "-" : "+";
  return `${fraction(re, norm)} ${sign} ${imaginary(Math.abs(im), norm)}`;
}

function imaginary(im: number, norm: number): string {
  const whole = im % norm === 0;
  return whole ? terms([[im / norm, "i"]]) : `${fraction(im, norm)}i`;
}
