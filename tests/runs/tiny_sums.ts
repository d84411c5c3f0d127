// Sums that the model `tiny` can learn to answer: data for runs that learn by reward.

import { join } from "@std/path";
import { homePaths } from "../../runs/configuration.ts";
import type { RunSpecInput } from "../../runs/spec/run_spec.ts";
import { tinySpec } from "./tiny_home.ts";

/** Sums in bytes below 64, which the model `tiny` knows, two of them without an answer that can be read. */
export async function writeSums(home: string): Promise<void> {
  const rows = [];
  for (let a = 1; a <= 4; a++) {
    for (let b = 1; b <= 4; b++) rows.push({ question: `${a}+${b}=?`, answer: `${a + b}` });
  }
  rows.push({ question: "7+1=?", answer: "#### (" }, { question: "?", answer: "#### =" });
  await writeRows(home, "sums.jsonl", rows);
}

/** Writes a data set of a data folder. */
export async function writeRows(
  home: string,
  name: string,
  rows: readonly unknown[],
): Promise<void> {
  const { datasets } = homePaths(home);
  await Deno.mkdir(datasets, { recursive: true });
  const lines = rows.map((row) => JSON.stringify(row) + "\n");
  await Deno.writeTextFile(join(datasets, name), lines.join(""));
}

/** A spec that learns {@linkcode writeSums}'s sums; changes go over its task and its top level. */
export function sumsSpec(
  task: Record<string, unknown> = {},
  rest: Partial<RunSpecInput> = {},
): RunSpecInput {
  const dataset = { file: "sums.jsonl" };
  return {
    ...tinySpec(),
    task: {
      kind: "grpo",
      dataset,
      eval_dataset: dataset,
      warm_up: { dataset, max_steps: 24, batch_size: 8, max_length: 32, learning_rate: 1e-2 },
      num_generations: 8,
      num_epochs: 1000,
      max_completion_length: 4,
      temperature: 1,
      ...task,
    },
    optimizer: { learning_rate: 2e-3 },
    batch_size: 32,
    max_steps: 24,
    logging_steps: 8,
    eval_steps: 12,
    save_steps: 8,
    ...rest,
  };
}
