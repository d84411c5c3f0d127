// One step, numbers up to 25. The held-out templates say in other sentences what the others say, with
// words that occur there.

import type { Level, Numbers, Template } from "../template.ts";

const ADD: Readonly<Record<string, Numbers>> = { a: [2, 9], b: [2, 9] };
const SUBTRACT: Readonly<Record<string, Numbers>> = { a: [4, 12], b: [2, "a-1"] };
const MULTIPLY: Readonly<Record<string, Numbers>> = { a: [2, 5], b: [2, 5] };
const DIVIDE: Readonly<Record<string, Numbers>> = { b: [2, 5], q: [2, 5], a: "b*q" };

const add = (question: string): Template => ({
  topic: "addition",
  numbers: ADD,
  question,
  steps: ["{x=a+b}"],
});
const subtract = (question: string): Template => ({
  topic: "subtraction",
  numbers: SUBTRACT,
  question,
  steps: ["{x=a-b}"],
});
const multiply = (question: string): Template => ({
  topic: "multiplication",
  numbers: MULTIPLY,
  question,
  steps: ["{x=a*b}"],
});
const divide = (question: string): Template => ({
  topic: "division",
  numbers: DIVIDE,
  question,
  steps: ["{x=a/b}"],
});

/** Level 1. */
export const LEVEL_1: Level = {
  train: [
    add("{A} has {a} {things}. {B} gives {him} {b} more. How many {things} does {A} have now?"),
    add(
      "There are {a} {things} in a {box}. {A} puts {b} more in. How many {things} are in the {box} now?",
    ),
    add(
      "{A} finds {a} {things} in the morning and {b} in the evening. How many {things} does {he} find in all?",
    ),
    add("{A} has {a} {things} and {B} has {b}. How many {things} do they have together?"),
    add(
      "{A} buys {a} {things} on Monday and {b} on Friday. How many {things} does {he} buy in all?",
    ),
    add(
      "A {box} holds {a} {colour} {things} and {b} {second} {things}. How many {things} does it hold?",
    ),
    add("{A} counts {a} {things}, then {b} more. How many {things} does {he} count in all?"),
    add("{A} has {a} {things}. {B} has {b} more than {A}. How many {things} does {B} have?"),
    subtract("{A} has {a} {things}. {He} gives {b} to {B}. How many {things} does {A} have left?"),
    subtract("There are {a} {things} in a {box}. {A} takes {b} out. How many {things} are left?"),
    subtract("{A} had {a} {things} and lost {b}. How many {things} does {he} have left?"),
    subtract("{A} needs {a} {things} and has {b}. How many more {things} does {he} need?"),
    subtract(
      "{A} has {a} {things} and {B} has {b}. How many more {things} does {A} have than {B}?",
    ),
    subtract("{A} makes {a} {things} and sells {b}. How many {things} are left?"),
    subtract("Of {a} {things}, {b} are {colour}. How many {things} are not {colour}?"),
    subtract("{A} has {a} {things}. {B} has {b} fewer than {A}. How many {things} does {B} have?"),
    multiply("{A} has {a} {boxes} with {b} {things} in each. How many {things} does {A} have?"),
    multiply("There are {a} {boxes}. Each {box} holds {b} {things}. How many {things} are there?"),
    multiply("{A} makes {b} {things} a day for {a} days. How many {things} does {he} make?"),
    multiply("One {thing} costs {b} dollars. How many dollars do {a} {things} cost?"),
    multiply("{a} friends bring {b} {things} each. How many {things} do they bring?"),
    multiply("{A} puts {b} {things} in each of {a} {boxes}. How many {things} does {he} need?"),
    divide("{A} shares {a} {things} between {b} friends. How many {things} does each friend get?"),
    divide("{A} puts {a} {things} into {b} {boxes}. How many {things} are in each {box}?"),
    divide("{A} has {a} {things} and puts {b} in each {box}. How many {boxes} does {he} need?"),
    divide("{b} {things} cost {a} dollars. How many dollars does one {thing} cost?"),
    divide("{A} has {a} {things} and gives each friend {b}. How many friends get {things}?"),
  ],
  test: [
    add("{A} makes {a} {things} and {B} makes {b}. How many {things} do they make together?"),
    add("{A} buys {a} {things}. Then {he} finds {b} more. How many {things} does {A} have now?"),
    add(
      "There are {a} {colour} {things} and {b} {second} {things} in a {box}. How many {things} are there in all?",
    ),
    subtract("{A} buys {a} {things} and gives {b} to {B}. How many {things} does {he} have left?"),
    subtract("A {box} holds {a} {things}. {B} takes {b}. How many {things} are left in the {box}?"),
    multiply("Each of {a} friends has {b} {things}. How many {things} do they have together?"),
    multiply(
      "{A} buys {a} {boxes}. There are {b} {things} in each. How many {things} does {he} buy?",
    ),
    divide("{b} friends share {a} {things}. How many {things} does each get?"),
    divide("There are {a} {things} in {b} {boxes}. How many {things} does each {box} hold?"),
  ],
};
