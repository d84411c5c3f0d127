// Two or three steps with rates, prices, times and shares.

import type { Level } from "../template.ts";

/** Level 3. */
export const LEVEL_3: Level = {
  train: [
    {
      topic: "money",
      numbers: { a: [2, 9], b: [3, 12], c: [2, 9], d: [3, 12] },
      question:
        "At a {shop}, {things} cost {b} dollars each and {others} cost {d} dollars each. {A} buys {a} {things} and {c} {others}. How many dollars does {he} pay?",
      steps: [
        "The {things} cost {x=a*b} dollars.",
        "The {others} cost {y=c*d} dollars.",
        "Together {A} pays {z=x+y} dollars.",
      ],
    },
    {
      topic: "rates",
      numbers: { a: [4, 15], b: [2, 8], c: [2, 6] },
      question:
        "A {worker} makes {a} {things} an hour and works {b} hours a day. How many {things} does the {worker} make in {c} days?",
      steps: ["In a day that is {x=a*b} {things}.", "In {c} days it is {y=x*c} {things}."],
    },
    {
      topic: "fractions",
      numbers: { n: [2, 5], q: [4, 15], a: "n*q", c: [2, "q"] },
      question:
        "{A} has {a} {things}. 1/{n} of them are {colour}, and {he} gives {c} of the {colour} ones to {B}. How many {colour} {things} does {A} keep?",
      steps: ["There are {x=a/n} {colour} {things}.", "{A} keeps {y=x-c} of them."],
    },
    {
      topic: "time",
      numbers: { a: [10, 40], b: [5, 30], c: [3, 6] },
      question:
        "Every day {A} practises the piano for {a} minutes and the violin for {b} minutes. How many minutes does {he} practise in {c} days?",
      steps: ["A day's practice is {x=a+b} minutes.", "In {c} days that is {y=x*c} minutes."],
    },
    {
      topic: "sharing",
      numbers: { b: [2, 6], q: [3, 12], r: [2, 20], a: "b*q+r" },
      question:
        "{A} has {a} {things}. {He} keeps {r} and shares the rest equally between {b} friends. How many {things} does each friend get?",
      steps: ["There are {x=a-r} {things} to share.", "Each friend gets {y=x/b} {things}."],
    },
    {
      topic: "distance",
      numbers: { a: [30, 60], b: [2, 5], c: [10, 25], d: [2, 4] },
      question:
        "{A} drives {b} hours at {a} miles an hour and then cycles {d} hours at {c} miles an hour. How many miles does {he} travel?",
      steps: [
        "By car it is {x=a*b} miles.",
        "By bicycle it is {y=c*d} miles.",
        "Together that is {z=x+y} miles.",
      ],
    },
    {
      topic: "geometry",
      numbers: { a: [4, 30], b: [3, 20] },
      question:
        "A garden is {a} metres long and {b} metres wide. {A} walks around it once. How many metres does {he} walk?",
      steps: ["One long and one short side are {x=a+b} metres.", "All the way is {y=x*2} metres."],
    },
    {
      topic: "comparison",
      numbers: { a: [5, 20], b: [2, 4], c: [2, 9] },
      question:
        "{A} has {a} {things}. {B} has {b} times as many as {A}, and {C} has {c} fewer than {B}. How many {things} do the three have together?",
      steps: [
        "{B} has {x=a*b} {things}.",
        "{C} has {y=x-c} {things}.",
        "Together they have {z=a+x+y} {things}.",
      ],
    },
    {
      topic: "money",
      numbers: { a: [5, 15], w: [3, 9], p: ["a*2", "a*w-1"] },
      question:
        "{A} saves {a} dollars a week for {w} weeks and then buys a bicycle lamp for {p} dollars. How many dollars does {he} have left?",
      steps: ["{A} saves {x=a*w} dollars.", "After buying, {y=x-p} dollars are left."],
    },
    {
      topic: "division",
      numbers: { b: [3, 9], q: [4, 12], c: [2, "b"], a: "b*q-c" },
      question:
        "{A} has {a} {things} and finds {c} more. {He} packs them in {boxes} of {b}. How many {boxes} does {he} fill?",
      steps: ["In all there are {x=a+c} {things}.", "They fill {y=x/b} {boxes}."],
    },
  ],
  test: [
    {
      topic: "money",
      numbers: { a: [2, 9], b: [3, 12], c: [2, 9], m: ["a*b+c+1", "a*b+c+60"] },
      question:
        "{A} takes {m} dollars to a {shop}. {He} buys {a} {things} at {b} dollars each and a map for {c} dollars. How many dollars does {he} bring home?",
      steps: [
        "The {things} cost {x=a*b} dollars.",
        "With the map that is {y=x+c} dollars.",
        "{A} brings home {z=m-y} dollars.",
      ],
    },
    {
      topic: "rates",
      numbers: { a: [3, 12], b: [2, 9], d: [2, 6] },
      question:
        "Two machines make {things}: one makes {a} a minute and the other {b}. How many {things} do they make in {d} minutes together?",
      steps: [
        "In a minute they make {x=a+b} {things}.",
        "In {d} minutes they make {y=x*d} {things}.",
      ],
    },
    {
      topic: "sharing",
      numbers: { b: [2, 6], q: [3, 12], p: [2, 9], a: "b*q*p" },
      question:
        "A {shop} gets {a} {things} in {p} equal crates. {A} divides one crate equally between {b} shelves. How many {things} are on each shelf?",
      steps: ["A crate holds {x=a/p} {things}.", "Each shelf holds {y=x/b} {things}."],
    },
    {
      topic: "comparison",
      numbers: { a: [6, 20], b: [2, 4] },
      question:
        "{B} picked {b} times as many {things} as {A}, who picked {a}. How many more {things} did {B} pick than {A}?",
      steps: ["{B} picked {x=a*b} {things}.", "That is {y=x-a} more than {A}."],
    },
  ],
};
