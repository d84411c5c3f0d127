// Three to five steps with percentages, fractions, averages, ratios and ages.

import type { Level } from "../template.ts";

const PERCENT = { of: [10, 20, 25, 30, 40, 50, 60, 75] };

/** Level 4. */
export const LEVEL_4: Level = {
  train: [
    {
      topic: "percentages",
      numbers: { p: PERCENT, k: [2, 9], a: "k*20", c: [2, 5] },
      question:
        "A coat costs {a} dollars. In a sale its price falls by {p} percent. How many dollars do {c} of these coats cost in the sale?",
      steps: [
        "The price falls by {x=a*p/100} dollars.",
        "In the sale a coat costs {y=a-x} dollars.",
        "{c} coats cost {z=y*c} dollars.",
      ],
    },
    {
      topic: "percentages",
      numbers: { p: PERCENT, k: [2, 10], a: "k*20", q: [2, 5], b: "q*20" },
      question:
        "A school has {a} girls and {b} boys. {p} percent of all the children walk to school. How many children do not walk?",
      steps: [
        "There are {x=a+b} children.",
        "{y=x*p/100} of them walk.",
        "So {z=x-y} do not walk.",
      ],
    },
    {
      topic: "fractions",
      numbers: { n: [2, 4], m: [2, 4], q: [2, 9], a: "n*m*q*2" },
      question:
        "{A} has {a} {things}. {He} gives 1/{n} of them to {B}, and then 1/2 of what is left to {C}. How many {things} does {A} have in the end?",
      steps: [
        "{B} gets {x=a/n} {things}.",
        "Then {A} has {y=a-x} {things}.",
        "{C} gets {z=y/2} {things}.",
        "In the end {A} has {w=y-z} {things}.",
      ],
    },
    {
      topic: "averages",
      numbers: { a: [5, 20], b: [5, 20], s: [4, 20], c: "3*s+30-a-b" },
      question:
        "{A} picked {a} {things} on Monday, {b} on Tuesday and {c} on Wednesday. How many {things} did {he} pick a day on average?",
      steps: [
        "In all {A} picked {x=a+b+c} {things}.",
        "On average that is {y=x/3} a day.",
      ],
    },
    {
      topic: "ratios",
      numbers: { a: [2, 5], b: [2, 6], q: [3, 12], t: "(a+b)*q" },
      question:
        "For every {a} {colour} {things} in a {box} there are {b} {second} ones. There are {t} {things} in all. How many {second} {things} are there?",
      steps: [
        "One group has {x=a+b} {things}.",
        "There are {y=t/x} groups.",
        "So there are {z=y*b} {second} {things}.",
      ],
    },
    {
      topic: "ages",
      numbers: { a: [5, 12], b: [2, 4], c: [2, 9] },
      question:
        "{A} is {a} years old. {A}'s uncle is {b} times as old, and the aunt is {c} years younger than the uncle. What will the sum of the three ages be in 5 years?",
      steps: [
        "The uncle is {x=a*b} years old.",
        "The aunt is {y=x-c} years old.",
        "Now the ages add up to {z=a+x+y}.",
        "In 5 years the sum will be {w=z+3*5}.",
      ],
    },
    {
      topic: "wages",
      numbers: { a: [8, 15], h: [6, 9], o: [2, 4], k: [2, 3] },
      question:
        "A {worker} earns {a} dollars an hour for {h} hours a day, and {k} times as much for each hour after that. How many dollars does the {worker} earn on a day of {h} hours and {o} hours of overtime?",
      steps: [
        "The usual hours bring {x=a*h} dollars.",
        "An hour of overtime brings {y=a*k} dollars.",
        "The overtime brings {z=y*o} dollars.",
        "Together that is {w=x+z} dollars.",
      ],
    },
    {
      topic: "geometry",
      numbers: { a: [4, 15], b: [3, 12], p: [2, 6] },
      question:
        "A wall is {a} metres long and {b} metres high. It has a window of 2 by 1 metres. A tin of paint covers 1 square metre and costs {p} dollars. How many dollars does the paint for the wall cost?",
      steps: [
        "The wall with its window has {x=a*b} square metres.",
        "The window has {y=2*1} square metres.",
        "There are {z=x-y} square metres to paint.",
        "The paint costs {w=z*p} dollars.",
      ],
    },
  ],
  test: [
    {
      topic: "percentages",
      numbers: { p: PERCENT, k: [2, 9], a: "k*20", c: [3, 30] },
      question:
        "A {shop} bought a lamp for {a} dollars and raised its price by {p} percent. {A} bought it and also paid {c} dollars for a shade. How many dollars did {he} pay?",
      steps: [
        "The price rose by {x=a*p/100} dollars.",
        "The lamp cost {y=a+x} dollars.",
        "With the shade {A} paid {z=y+c} dollars.",
      ],
    },
    {
      topic: "ratios",
      numbers: { a: [2, 6], b: [2, 6], q: [3, 12], s: "a*q" },
      question:
        "{A} mixes {a} cups of red paint with {b} cups of white. {He} has {s} cups of red paint and uses all of it. How many cups of mixed paint does {he} make?",
      steps: [
        "{A} can mix {x=s/a} times.",
        "That takes {y=x*b} cups of white paint.",
        "In all there are {z=s+y} cups.",
      ],
    },
    {
      topic: "fractions",
      numbers: { n: [2, 5], q: [4, 15], a: "n*q", d: [2, 6] },
      question:
        "A tank holds {a} litres. 1/{n} of it runs out, and then {A} pours in {d} buckets of 3 litres each. How many litres are in the tank, if it was full at first?",
      steps: [
        "{x=a/n} litres run out.",
        "Then {y=a-x} litres are left.",
        "The buckets add {z=d*3} litres.",
        "In the end there are {w=y+z} litres.",
      ],
    },
  ],
};
