// Conversations in the schema of Tulu 3 (Lambert et al. 2024): `id`, `messages` and `source`. Short tasks
// about sentences of the texts that ship, with answers that follow from the sentence, over one to three
// turns. Generated: they stand in for Tulu's where those cannot be had.

import { readSample } from "../sample_file.ts";
import { type Phrasing, TASKS } from "./chat_tasks.ts";
import type { Draw } from "./draw.ts";
import { generateRows } from "./rows.ts";

/** A row. */
export interface ChatRow {
  readonly id: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly source: string;
}

const SYSTEM = ["Answer briefly.", "You are a careful reader.", "Say no more than is asked."];
const MOST_TURNS = 3;

/**
 * Rows. Those of `test` speak of chapters and addresses that `train` does not, and ask in words that it
 * does not use.
 */
export async function chat(split: "train" | "test", count: number): Promise<Iterable<ChatRow>> {
  const texts = await passages(split);
  return generateRows(
    `chat ${split}`,
    count,
    (draw) => conversation(texts, split, draw),
    ({ messages }) => messages.map(({ content }) => content).join("\n"),
  );
}

function conversation(texts: readonly Passage[], split: "train" | "test", draw: Draw): ChatRow {
  const at = draw.integer(0, texts.length - 1);
  const { sentence, next } = texts[at]!;
  const tasks = draw.some(TASKS, draw.integer(1, MOST_TURNS));
  const messages: ChatRow["messages"][number][] = [];
  if (draw.integer(0, 2) === 0) messages.push({ role: "system", content: draw.one(SYSTEM) });
  tasks.forEach((task, turn) => {
    const { ask, answer } = task.make(sentence, next, draw);
    const phrasing: Phrasing = split === "test" ? ask.test : draw.one(ask.train);
    // What the conversation is about is quoted in its first turn.
    const content = turn === 0 ? `${phrasing}\n\n"${sentence}"` : phrasing;
    messages.push({ role: "user", content }, { role: "assistant", content: answer });
  });
  return {
    id: `noregret_chat_${split}_${at}_${tasks.map(({ name }) => name).join("_")}`,
    messages,
    source: tasks[0]!.name,
  };
}

/** A sentence of a text and the one after it. */
interface Passage {
  readonly sentence: string;
  readonly next: string;
}

/**
 * Sentences of the shipped texts, in the order of the texts. What a speaker says again in `test` that is
 * said in `train` is left out.
 */
async function passages(split: "train" | "test"): Promise<Passage[]> {
  const files = await Promise.all(
    ["moby_dick.jsonl.gz", "sotu.jsonl.gz"].map(readSample),
  );
  const of = (split: string) =>
    files.flat().filter((row) => row.split === split).flatMap(({ text }) => pairs(String(text)));
  if (split === "train") return of("train");
  const known = new Set(of("train").flatMap(({ sentence, next }) => [sentence, next]));
  return of("test").filter(({ sentence, next }) => !known.has(sentence) && !known.has(next));
}

/** Sentences of 6 to 24 plain words whose next one is of the same kind. */
function pairs(text: string): Passage[] {
  const all = text.replace(/\s+/g, " ").split(/(?<=[.!?]) (?=[A-Z])/);
  const plain = (sentence: string) => {
    const { length } = sentence.split(" ");
    return /^[A-Z][A-Za-z ,;:'-]*[.!?]$/.test(sentence) && length >= 6 && length <= 24;
  };
  return all.slice(1).map((next, index) => ({ sentence: all[index]!, next }))
    .filter(({ sentence, next }) => plain(sentence) && plain(next));
}
