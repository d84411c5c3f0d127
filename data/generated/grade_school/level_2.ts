// Two steps with small numbers, or one with numbers up to a hundred.

import type { Level } from "../template.ts";

/** Level 2. */
export const LEVEL_2: Level = {
  train: [
    {
      topic: "addition",
      numbers: { a: [12, 60], b: [11, 39] },
      question:
        "A {shop} sold {a} {things} on Saturday and {b} on Sunday. How many {things} did it sell in the two days?",
      steps: ["It sold {x=a+b} {things}."],
    },
    {
      topic: "subtraction",
      numbers: { a: [40, 99], b: [11, 39] },
      question: "{A} had {a} {things} and gave {b} of them away. How many {things} did {he} keep?",
      steps: ["{A} kept {x=a-b} {things}."],
    },
    {
      topic: "addition and subtraction",
      numbers: { a: [5, 20], b: [3, 12], c: [2, "a"] },
      question:
        "{A} had {a} {things}. {He} bought {b} more and then lost {c}. How many {things} does {A} have now?",
      steps: ["After buying, {A} had {x=a+b} {things}.", "After losing some, {he} has {y=x-c}."],
    },
    {
      topic: "multiplication and addition",
      numbers: { a: [2, 6], b: [2, 9], c: [2, 9] },
      question:
        "{A} has {a} {boxes} with {b} {things} in each, and {c} more {things} on a shelf. How many {things} does {he} have in all?",
      steps: ["The {boxes} hold {x=a*b} {things}.", "With the shelf that is {y=x+c} {things}."],
    },
    {
      topic: "money",
      numbers: { a: [2, 6], b: [2, 9], c: ["a*b+1", "a*b+20"] },
      question:
        "One {thing} costs {b} dollars. {A} pays for {a} {things} with {c} dollars. How many dollars does {he} get back?",
      steps: ["The {things} cost {x=a*b} dollars.", "{A} gets back {y=c-x} dollars."],
    },
    {
      topic: "money",
      numbers: { a: [2, 5], b: [2, 9], c: [2, 5], d: [2, 9] },
      question:
        "At a {shop}, a {thing} costs {b} dollars, and a bag of {others} costs {d} dollars. How many dollars do {a} {things} and one bag of {others} cost?",
      steps: ["The {things} cost {x=a*b} dollars.", "Together that is {y=x+d} dollars."],
    },
    {
      topic: "division and subtraction",
      numbers: { b: [2, 5], q: [3, 9], a: "b*q", c: [1, "q-1"] },
      question:
        "{A} shares {a} {things} equally between {b} boxes, then takes {c} out of one box. How many {things} are left in that box?",
      steps: ["Each box gets {x=a/b} {things}.", "In that box {y=x-c} are left."],
    },
    {
      topic: "comparison",
      numbers: { a: [3, 20], b: [2, 12] },
      question:
        "{A} has {a} {things}. {B} has {b} more than {A}. How many {things} do the two have together?",
      steps: ["{B} has {x=a+b} {things}.", "Together they have {y=a+x} {things}."],
    },
    {
      topic: "comparison",
      numbers: { a: [3, 12], b: [2, 4] },
      question:
        "{A} has {a} {things} and {B} has {b} times as many. How many {things} do they have together?",
      steps: ["{B} has {x=a*b} {things}.", "Together they have {y=a+x} {things}."],
    },
    {
      topic: "time",
      numbers: { a: [2, 9], b: [2, 6], c: [2, 9] },
      question:
        "{A} reads {a} pages a day for {b} days and {c} pages on the last day. How many pages does {he} read?",
      steps: ["In the first days {A} reads {x=a*b} pages.", "In all {he} reads {y=x+c} pages."],
    },
    {
      topic: "age",
      numbers: { a: [6, 15], b: [2, 5], c: [2, 9] },
      question:
        "{A} is {a} years old. {B} is {b} years older than {A}. How old will {B} be in {c} years?",
      steps: ["{B} is {x=a+b} years old.", "In {c} years {B} will be {y=x+c}."],
    },
    {
      topic: "multiplication",
      numbers: { a: [11, 25], b: [2, 4] },
      question: "A train has {b} cars with {a} seats each. How many seats does the train have?",
      steps: ["It has {x=a*b} seats."],
    },
  ],
  test: [
    {
      topic: "addition and subtraction",
      numbers: { a: [6, 20], b: [2, "a-2"], c: [3, 12] },
      question:
        "There were {a} {things} in a {box}. {A} took {b} out and {B} put {c} in. How many {things} are in the {box} now?",
      steps: ["After {A} there were {x=a-b} {things}.", "After {B} there are {y=x+c}."],
    },
    {
      topic: "multiplication and subtraction",
      numbers: { a: [2, 6], b: [3, 9], c: [2, "a*b-1"] },
      question:
        "{A} buys {a} {boxes} of {b} {things} each and gives {c} {things} away. How many {things} does {he} keep?",
      steps: ["{A} buys {x=a*b} {things}.", "{He} keeps {y=x-c} {things}."],
    },
    {
      topic: "comparison",
      numbers: { a: [8, 20], b: [2, 7] },
      question:
        "{A} sold {a} {things}. {B} sold {b} fewer. How many {things} did the two of them sell together?",
      steps: ["{B} sold {x=a-b} {things}.", "Together they sold {y=a+x} {things}."],
    },
    {
      topic: "money",
      numbers: { a: [2, 6], b: [2, 9], c: [2, 20] },
      question:
        "{A} buys {a} {things} for {b} dollars each and has {c} dollars left. How many dollars did {he} have at first?",
      steps: ["The {things} cost {x=a*b} dollars.", "At first {A} had {y=x+c} dollars."],
    },
    {
      topic: "subtraction",
      numbers: { a: [40, 99], b: [11, 39] },
      question: "A book has {a} pages. {A} has read {b} of them. How many pages are left to read?",
      steps: ["There are {x=a-b} pages left."],
    },
  ],
};
