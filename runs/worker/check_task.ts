// Whether the datasets of a spec's task are there and fit its model, without reading all of them.

import type { ModelConfig } from "../../compute/models/config.ts";
import type { Tokenizer } from "../../data/byte_tokenizer.ts";
import { DATASETS } from "../../data/datasets.ts";
import { withoutRevision } from "../../data/hub/repository_id.ts";
import type { HomePaths } from "../configuration.ts";
import type { Dataset } from "../spec/dataset.ts";
import type { ProblemDataset } from "../spec/grpo.ts";
import type { Problem } from "../spec/problems.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import { checkDataset, type Reading } from "./check_dataset.ts";
import { maxLengthOf } from "./training_data.ts";

/** What reads a spec's rows: its model, with its tokeniser where they need one and it is here. */
export interface RowReader {
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer | undefined;
}

/** Adds a problem for whatever is wrong with the datasets; `reader` is undefined where the model is not known. */
export async function checkTask(
  spec: RunSpec,
  reader: RowReader | undefined,
  paths: HomePaths,
  problems: Problem[],
): Promise<void> {
  const { task } = spec;
  const check = (dataset: Dataset, path: string, reading?: Reading) =>
    checkDataset(dataset, path, { reading, paths }, problems);
  if (task.kind === "sft") {
    const reading = reader && {
      ...readingOf(reader, maxLengthOf(spec, reader.config)),
      completionOnly: task.completion_only_loss,
    };
    await check(task.dataset, "/task/dataset", reading);
    if (task.eval_dataset) await check(task.eval_dataset, "/task/eval_dataset", reading);
    return;
  }
  // Problems are not read as examples are: a row without an answer is passed over.
  await check(task.dataset, "/task/dataset");
  checkVerifiable(task.dataset, "/task/dataset", problems);
  if (task.eval_dataset) {
    await check(task.eval_dataset, "/task/eval_dataset");
    checkVerifiable(task.eval_dataset, "/task/eval_dataset", problems);
  }
  if (task.warm_up) {
    const { dataset, max_length } = task.warm_up;
    const reading = reader &&
      readingOf(reader, Math.min(max_length, reader.config.max_position_embeddings));
    await check(dataset, "/task/warm_up/dataset", reading);
  }
}

function readingOf({ config, tokenizer }: RowReader, maxLength: number): Reading {
  return { maxLength, vocabSize: config.vocab_size, tokenizer };
}

/** A dataset whose rows have no answer to hold a completion against. */
function checkVerifiable(dataset: ProblemDataset, path: string, problems: Problem[]): void {
  const name = typeof dataset === "string" ? dataset : "name" in dataset ? dataset.name : undefined;
  const info = name === undefined ? undefined : DATASETS.get(withoutRevision(name));
  if (info === undefined || info.schema === "problem") return;
  const allowed = [...DATASETS.values()].filter(({ schema }) => schema === "problem");
  problems.push({
    path: typeof dataset === "string" ? path : `${path}/name`,
    message: `Expected problems with answers that can be verified, but "${name}" is ${info.schema}`,
    allowed: allowed.map((each) => each.name),
  });
}
