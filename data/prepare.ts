// Everything that a training run takes from data, from its spec: the one entry point of the worker.

import type { RunSpec } from "../runs/spec/run_spec.ts";
import { BYTE_TOKENIZER, type Tokenizer } from "./byte_tokenizer.ts";
import { type Batch, type Example, IGNORED_TARGET } from "./example.ts";
import { loadExamples } from "./load.ts";
import { evaluationBatches, Loader } from "./loader.ts";

/** Length of a sequence where neither the spec nor the model's context says less. */
export const DEFAULT_MAX_LENGTH = 2048;

/** What the data has to fit. */
export interface ModelLimits {
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
}

/** A run's data. */
export interface PreparedData {
  readonly batches: Loader;
  /** Absent where nothing is held out. */
  readonly evalBatches: Batch[] | undefined;
  readonly tokensPerBatch: number;
  /** `max_steps` of the spec, or as many as the epochs have. */
  readonly maxSteps: number;
}

/**
 * Loads, packs and orders a run's data.
 *
 * @param tokenizer absent: bytes, for a model with a vocabulary of 256.
 * @throws {RangeError} if a dataset cannot be had or does not fit the model.
 */
export async function prepareData(
  spec: RunSpec,
  limits: ModelLimits,
  datasetsFolder: string,
  tokenizer?: Tokenizer,
): Promise<PreparedData> {
  const { task } = spec;
  const context = limits.max_position_embeddings;
  const maxLength = task.max_length ?? Math.min(DEFAULT_MAX_LENGTH, context);
  if (maxLength > context) {
    throw new RangeError(`Cannot use max_length ${maxLength}: the model's context is ${context}`);
  }
  const load = async (purpose: "train" | "test") => {
    const own = purpose === "train" || task.eval_dataset === undefined;
    const dataset = own ? task.dataset : task.eval_dataset!;
    const inline = typeof dataset === "object" && "inline" in dataset;
    const examples = await loadExamples(dataset, {
      // A set that is given for evaluation is read whole, whatever it was made for.
      purpose: purpose === "test" && !own && typeof dataset === "object" && !("name" in dataset)
        ? "train"
        : purpose,
      maxLength,
      folder: datasetsFolder,
      tokenizer: tokenizer ?? (inline ? BYTE_TOKENIZER : byteTokenizerFor(limits)),
      completionOnly: task.completion_only_loss,
    });
    examples?.forEach((example, row) => checkIds(example, row, limits.vocab_size));
    return examples;
  };
  const batches = new Loader({
    examples: (await load("train"))!,
    maxLength,
    batchSize: spec.batch_size,
    accumulation: spec.gradient_accumulation_steps,
    packing: task.packing,
    epochs: task.num_epochs,
    seed: spec.seed,
  });
  const heldOut = await load("test");
  return {
    batches,
    evalBatches: heldOut && evaluationBatches(heldOut, maxLength, batches.tokensPerBatch),
    tokensPerBatch: batches.tokensPerBatch,
    maxSteps: spec.max_steps ?? batches.steps,
  };
}

function byteTokenizerFor({ vocab_size }: ModelLimits): Tokenizer {
  if (vocab_size === BYTE_TOKENIZER.vocabSize) return BYTE_TOKENIZER;
  throw new RangeError(
    `Cannot turn text into tokens: the model has ${vocab_size} of them and no tokenizer; ` +
      `give "input_ids", or use a model with a vocabulary of ${BYTE_TOKENIZER.vocabSize} (bytes)`,
  );
}

function checkIds({ ids, targets }: Example, row: number, vocabSize: number): void {
  const check = (id: number) => {
    if (id < vocabSize) return;
    throw new RangeError(
      `Cannot use row ${row}: it has token ${id}, expected ids from 0 to ${vocabSize - 1}`,
    );
  };
  ids.forEach(check);
  targets.forEach((target) => target === IGNORED_TARGET || check(target));
}
