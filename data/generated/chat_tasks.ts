// What is asked about a sentence, and what the answer is.

import type { Draw } from "./draw.ts";

/** A way to ask. */
export type Phrasing = string;

/** A question with its answer; `test` is the way to ask that `train` does not use. */
export interface Asked {
  readonly ask: { readonly train: readonly Phrasing[]; readonly test: Phrasing };
  readonly answer: string;
}

/** A kind of question. */
export interface Task {
  readonly name: string;
  readonly make: (sentence: string, next: string, draw: Draw) => Asked;
}

/** Every kind. */
export const TASKS: readonly Task[] = [
  {
    name: "count_words",
    make: (sentence) => ({
      ask: {
        train: ["How many words are in this sentence?", "Count the words of the sentence."],
        test: "Of how many words does the sentence consist?",
      },
      answer: `The sentence has ${wordsOf(sentence).length} words.`,
    }),
  },
  {
    name: "longest_word",
    make: (sentence) => ({
      ask: {
        train: ["What is the longest word of the sentence?", "Name the longest word."],
        test: "Which of the words is the longest one?",
      },
      answer: `The longest word is "${longest(wordsOf(sentence))}".`,
    }),
  },
  {
    name: "first_and_last",
    make: (sentence) => ({
      ask: {
        train: ["What are the first and the last word?", "Give the first word and the last one."],
        test: "With which words does it begin and end?",
      },
      answer: `The first word is "${wordsOf(sentence)[0]}", the last is "${
        wordsOf(sentence).at(-1)
      }".`,
    }),
  },
  {
    name: "capitals",
    make: (sentence) => ({
      ask: {
        train: ["Write the sentence in capital letters.", "Put it into capitals."],
        test: "Please turn all of its letters into capital letters.",
      },
      answer: sentence.toUpperCase(),
    }),
  },
  {
    name: "starting_with",
    make: (sentence, _, draw) => {
      const letter = draw.one(wordsOf(sentence))[0]!.toLowerCase();
      const found = wordsOf(sentence).filter((word) => word[0]!.toLowerCase() === letter);
      return {
        ask: {
          train: [`List the words that start with "${letter}".`],
          test: `Which words have "${letter}" as their first letter?`,
        },
        answer: found.map((word) => `- ${word}`).join("\n"),
      };
    },
  },
  {
    name: "sort",
    make: (sentence, _, draw) => {
      const different = [...new Set(wordsOf(sentence).map((word) => word.toLowerCase()))];
      const some = draw.some(different, Math.min(4, different.length));
      return {
        ask: {
          train: [`Sort these of its words: ${some.join(", ")}.`],
          test: `Bring ${some.join(", ")} into the order of the alphabet.`,
        },
        answer: [...some].sort().join(", "),
      };
    },
  },
  {
    name: "letters",
    make: (sentence, _, draw) => {
      const word = draw.one(wordsOf(sentence));
      return {
        ask: {
          train: [
            `How many letters does the word "${word}" have?`,
            `Count the letters of "${word}".`,
          ],
          test: `Of how many letters does "${word}" consist?`,
        },
        answer: `"${word}" has ${word.length} ${word.length === 1 ? "letter" : "letters"}.`,
      };
    },
  },
  {
    name: "json",
    make: (sentence) => ({
      ask: {
        train: ["Give its number of words and its last word as JSON.", "Describe it as JSON."],
        test: "Answer with a JSON object: number of words, last word.",
      },
      answer: JSON.stringify({ words: wordsOf(sentence).length, last: wordsOf(sentence).at(-1) }),
    }),
  },
  {
    name: "continue",
    make: (_, next) => ({
      ask: {
        train: ["Continue the text.", "What could come next?"],
        test: "Go on from there with one sentence.",
      },
      answer: next,
    }),
  },
];

/** The words of a sentence, without what stands around them. */
function wordsOf(sentence: string): string[] {
  return sentence.match(/[A-Za-z](?:[A-Za-z'-]*[A-Za-z])?/g)!;
}

/** The first of the longest. */
function longest(words: readonly string[]): string {
  return words.reduce((best, word) => word.length > best.length ? word : best);
}
