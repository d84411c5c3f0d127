// What a model sees of a data set or a text: the tokens, and which of them the loss counts.

import { join } from "@std/path";
import { type Example, exampleOf } from "../../data/example.ts";
import { isRowFile } from "../../data/files/row_file.ts";
import { type MaskedToken, maskedTokens } from "../../data/inspect.ts";
import { loadExamples } from "../../data/load.ts";
import { modelTokenizer } from "../../data/model_tokenizer.ts";
import type { HomePaths } from "../configuration.ts";
import { listModels } from "./stored_models.ts";

/** A token as text, and whether the loss counts it. */
export interface ShownToken extends MaskedToken {
  readonly text: string;
}

/** What to show. */
export interface ShowRequest {
  readonly model: string;
  /** A dataset's name, or that of a file of the datasets folder; "" for the text. */
  readonly dataset: string;
  readonly text: string;
  /** Examples at most. */
  readonly limit: number;
}

/** Tokens of an example, at most. */
const MAX_LENGTH = 512;

/**
 * The first examples of a dataset, or the one of a text; none if both are empty.
 *
 * @throws {RangeError} for a model or dataset that is not there, or does not fit.
 */
export async function showExamples(
  { model, dataset, text, limit }: ShowRequest,
  paths: HomePaths,
): Promise<ShownToken[][]> {
  if (dataset === "" && text === "") return [];
  const models = await listModels(paths.models);
  const found = models.find(({ name }) => name === model);
  if (!found) {
    const names = models.map(({ name }) => name).join(", ");
    throw new RangeError(`Cannot read for model "${model}": expected one of ${names}`);
  }
  const tokenizer = await modelTokenizer(join(found.folder));
  let examples: Example[];
  if (dataset === "") {
    const ids = tokenizer.encode(text).slice(0, MAX_LENGTH);
    examples = [exampleOf([...ids, tokenizer.eosId])];
  } else {
    const { vocabSize } = tokenizer;
    const source = isRowFile(dataset) ? { file: dataset, limit } : { name: dataset, limit };
    examples = await loadExamples(source, {
      purpose: "train",
      maxLength: MAX_LENGTH,
      folder: paths.datasets,
      tokenizer,
      vocabSize,
      completionOnly: true,
    }) ?? [];
  }
  return examples.slice(0, limit).map((example) =>
    maskedTokens(example).map((token) => ({ ...token, text: tokenizer.decode([token.id]) }))
  );
}
