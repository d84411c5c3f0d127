// The batches of a spec: its training data and its held-out set.

import type { ModelConfig } from "../../compute/models/config.ts";
import type { Batch } from "../../data/example.ts";
import { isStream, loadExamples, openExamples } from "../../data/load.ts";
import { evaluationBatches, Loader, type LoaderOptions } from "../../data/loader.ts";
import { modelTokenizer } from "../../data/model_tokenizer.ts";
import type { Dataset } from "../spec/dataset.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import type { SftTask } from "../spec/sft.ts";
import type { ModelFolder } from "./stored_models.ts";

/** Tokens of a sequence where a spec does not say. */
const DEFAULT_MAX_LENGTH = 2048;

/** Most tokens of a run's sequences. */
export function maxLengthOf(
  { task }: RunSpec,
  { max_position_embeddings: context }: Pick<ModelConfig, "max_position_embeddings">,
): number {
  return task.kind === "grpo"
    ? Math.min(task.max_prompt_length + task.max_completion_length, context)
    : task.max_length ?? Math.min(DEFAULT_MAX_LENGTH, context);
}

/** How a supervised run's examples become batches. */
export function batchOptions(
  spec: RunSpec,
  task: SftTask,
  config: Pick<ModelConfig, "max_position_embeddings">,
): Omit<LoaderOptions, "examples"> {
  return {
    maxLength: maxLengthOf(spec, config),
    batchSize: spec.batch_size,
    accumulation: spec.gradient_accumulation_steps,
    packing: task.packing,
    epochs: task.num_epochs,
    seed: spec.seed,
  };
}

/** What a run trains and is measured on. */
export interface TrainingData {
  readonly loader: Loader;
  /** Undefined where nothing is held out. */
  readonly evalBatches: Batch[] | undefined;
  /** Updates that the run will make. */
  readonly steps: number;
}

/** What its batches need of a device. */
export function sizesOf({ loader, evalBatches }: TrainingData) {
  return { tokens: loader.tokensPerBatch, evalTokens: evalBatches?.[0]?.ids.length ?? 0 };
}

/** Why a stream needs an end. */
export const ENDLESS =
  `Cannot tell when to stop: the dataset is read as a stream, expected "max_steps"`;

/** Loads a spec's data. `folder` holds the dataset files. */
export async function loadTrainingData(
  spec: RunSpec,
  task: SftTask,
  { config, folder: modelFolder }: ModelFolder,
  folder: string,
): Promise<TrainingData> {
  const maxLength = maxLengthOf(spec, config);
  const options = {
    maxLength,
    folder,
    // Ids need no tokeniser, and a model that is asked in ids may have one that is of no use.
    ...needsTokenizer(task) && { tokenizer: await modelTokenizer(modelFolder) },
    vocabSize: config.vocab_size,
    completionOnly: task.completion_only_loss,
  };
  const examples = await openExamples(task.dataset, { ...options, purpose: "train" });
  if (examples && isStream(examples) && spec.max_steps === undefined) {
    throw new RangeError(ENDLESS);
  }
  const batches = batchOptions(spec, task, config);
  const loader = new Loader({ ...batches, examples: examples ?? [] });
  // A named dataset is evaluated on its held-out split; ids and files on all of what they hold.
  const evalDataset = task.eval_dataset ?? task.dataset;
  const purpose = task.eval_dataset === undefined || isNamed(evalDataset) ? "test" : "train";
  const held = await loadExamples(
    task.eval_dataset === undefined ? withoutSplit(evalDataset) : evalDataset,
    { ...options, purpose },
  );
  const mostTokens = batches.batchSize / batches.accumulation * maxLength;
  return {
    loader,
    evalBatches: held && evaluationBatches(held, maxLength, mostTokens),
    steps: Math.min(spec.max_steps ?? Infinity, loader.steps ?? Infinity),
  };
}

/** Whether a task's data hold text: ids in the spec itself need no tokeniser. */
export function needsTokenizer({ dataset, eval_dataset = dataset }: RunSpec["task"]): boolean {
  return [dataset, eval_dataset].some((each) => typeof each === "string" || !("inline" in each));
}

function isNamed(dataset: Dataset): boolean {
  return typeof dataset === "string" || "name" in dataset;
}

// The training set's split and limit are not those of the held-out set.
function withoutSplit(dataset: Dataset): Dataset {
  if (typeof dataset === "string" || !("name" in dataset)) return dataset;
  const { name, columns } = dataset;
  return { name, columns };
}
