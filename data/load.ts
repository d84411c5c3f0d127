// From a dataset in a run spec to examples: shipped texts, jsonl files, or ids in the spec itself.

import { join } from "@std/path";
import type { Dataset } from "../runs/spec/dataset.ts";
import { findDataset, findSplit } from "./datasets.ts";
import { type Example, exampleOf, IGNORED_TARGET } from "./example.ts";
import { BYTE_TOKENIZER, type Tokenizer } from "./byte_tokenizer.ts";
import { realFileBelow } from "./real_path.ts";
import { type JsonRow, parseJsonl, rowExamples } from "./rows.ts";

/** What loading needs to know besides the dataset. */
export interface LoadOptions {
  readonly purpose: "train" | "test";
  /** Most tokens of a sequence. */
  readonly maxLength: number;
  /** Folder of dataset files. */
  readonly folder: string;
  readonly tokenizer?: Tokenizer;
  /** Tokens that the model knows; absent: not checked. */
  readonly vocabSize?: number;
  /** Whether the prompt's tokens are left out of the loss. */
  readonly completionOnly?: boolean;
}

/**
 * Reads a dataset.
 *
 * @returns undefined where an evaluation set is asked for and the dataset holds nothing out.
 * @throws {RangeError} for an unknown name, split, file, or a row that does not fit.
 * @throws {SyntaxError} for a file that cannot be parsed.
 */
export async function loadExamples(
  dataset: Dataset,
  options: LoadOptions,
): Promise<Example[] | undefined> {
  const examples = await readExamples(dataset, options);
  const { vocabSize } = options;
  if (vocabSize !== undefined) {
    examples?.forEach((example, row) => checkIds(example, row, vocabSize));
  }
  return examples;
}

async function readExamples(
  dataset: Dataset,
  options: LoadOptions,
): Promise<Example[] | undefined> {
  const rules = {
    tokenizer: options.tokenizer ?? BYTE_TOKENIZER,
    maxLength: options.maxLength,
    completionOnly: options.completionOnly ?? true,
  };
  if (typeof dataset === "object" && "inline" in dataset) {
    return options.purpose === "test" ? undefined : inlineExamples(dataset.inline, rules.maxLength);
  }
  const found = await datasetRows(dataset, options);
  if (found === undefined) return undefined;
  const { rows, limit, name } = found;
  const examples = rows.flatMap((row, at) => rowExamples(row, rules, `${name}:${at + 1}`));
  return spread(examples, limit);
}

/** The rows of a split or file. */
export interface DatasetRows {
  readonly rows: readonly JsonRow[];
  /** Examples at most, where the rows themselves are not yet cut to that number. */
  readonly limit?: number;
  /** What to call them in errors. */
  readonly name: string;
}

/**
 * Reads the rows of a named dataset or of a file.
 *
 * @returns undefined where an evaluation set is asked for and the dataset holds nothing out.
 * @throws {RangeError} for an unknown name, split or file.
 * @throws {SyntaxError} for a file that cannot be parsed.
 */
export async function datasetRows(
  dataset: Exclude<Dataset, { inline: unknown }>,
  options: Pick<LoadOptions, "purpose" | "folder">,
): Promise<DatasetRows | undefined> {
  if (typeof dataset === "object" && "file" in dataset) return await fileRows(dataset, options);
  const { name, split, limit } = typeof dataset === "string"
    ? { name: dataset, split: undefined, limit: undefined }
    : dataset;
  const info = findDataset(name);
  const found = findSplit(info, split, options.purpose);
  if (found === undefined) return undefined;
  const { sample } = info;
  if (sample === undefined) {
    throw new RangeError(
      `Cannot load dataset "${name}": it does not ship; put its rows into a .jsonl file in the ` +
        `datasets folder and name that as { "file": … }`,
    );
  }
  if (typeof sample === "function") {
    const { rows: count } = info.splits[found]!;
    const rows = [...await sample(found as "train" | "test", Math.min(count, limit ?? count))];
    return { rows: rows as JsonRow[], name };
  }
  const rows = parseJsonl(await readSample(sample), sample).filter((row) => row.split === found);
  return { rows, name, ...(limit !== undefined && { limit }) };
}

/** Ids and labels as the client sent them. */
function inlineExamples(
  inline: { input_ids: number[][]; labels?: number[][] | undefined },
  maxLength: number,
): Example[] {
  return inline.input_ids.map((ids, row) => {
    if (ids.length > maxLength) {
      throw new RangeError(
        `Cannot use row ${row} of inline.input_ids: it has ${ids.length} tokens, ` +
          `max_length is ${maxLength}`,
      );
    }
    return exampleOf(ids, inline.labels?.[row]);
  });
}

async function fileRows(
  { file, limit }: { file: string; limit?: number | undefined },
  options: Pick<LoadOptions, "purpose" | "folder">,
): Promise<DatasetRows | undefined> {
  if (options.purpose === "test") return undefined;
  if (!file.endsWith(".jsonl")) {
    throw new RangeError(`Cannot read "${file}": expected a .jsonl file`);
  }
  const path = await realFileBelow(options.folder, join(options.folder, file));
  if (path === undefined) {
    throw new RangeError(`Cannot read "${file}": no such file in the datasets folder`);
  }
  return { rows: parseJsonl(await Deno.readTextFile(path), file).slice(0, limit), name: file };
}

/** At most `limit` examples, evenly spaced, so that a small part of a text is drawn from all of it. */
function spread(examples: Example[], limit: number | undefined): Example[] {
  if (limit === undefined || limit >= examples.length) return examples;
  return Array.from(
    { length: limit },
    (_, i) => examples[Math.floor(i * examples.length / limit)]!,
  );
}

async function readSample(file: string): Promise<string> {
  const packed = await Deno.readFile(new URL(`./samples/${file}`, import.meta.url));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).text();
}

function checkIds({ ids, targets }: Example, row: number, vocabSize: number): void {
  const check = (id: number) => {
    if (id < vocabSize) return;
    throw new RangeError(
      `Cannot use row ${row}: it has token ${id}, the model knows 0 to ${vocabSize - 1}`,
    );
  };
  ids.forEach(check);
  targets.forEach((target) => target === IGNORED_TARGET || check(target));
}
