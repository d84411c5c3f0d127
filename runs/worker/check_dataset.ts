// Whether a dataset of a spec is there and fits the model, without reading all of it.

import { join } from "@std/path";
import { DATASETS } from "../../data/datasets.ts";
import { type HomePaths, readConfiguration } from "../configuration.ts";
import type { Dataset } from "../spec/dataset.ts";
import { type Problem, suggestion } from "../spec/problems.ts";
import { BYTE_TOKENIZER } from "../../data/byte_tokenizer.ts";
import { counts, exampleOf } from "../../data/example.ts";
import { firstRows, isRowFile } from "../../data/files/row_file.ts";
import { reader, type ReadOptions } from "../../data/load.ts";
import { realFileBelow } from "../../data/real_path.ts";
import { rowShape } from "../../data/row_shape.ts";
import { isRepositoryId, withoutRevision } from "../../data/hub/repository_id.ts";
import { mayBeOnHub } from "./fetch_inputs.ts";
import { inputMessage } from "./stored_models.ts";
import { exists } from "../write_file.ts";

/** How a run reads rows; without a tokeniser, their texts cannot be. */
export interface Reading extends ReadOptions {
  readonly vocabSize: number;
}

/** What the dataset has to fit. `reading` is undefined where nobody knows yet, or other columns are read. */
export interface DatasetContext {
  readonly reading: Reading | undefined;
  readonly paths: HomePaths;
}

/** Adds a problem for whatever is wrong with the dataset at `path` of the spec. */
export async function checkDataset(
  dataset: Dataset,
  path: string,
  { reading, paths }: DatasetContext,
  problems: Problem[],
): Promise<void> {
  if (typeof dataset === "string") {
    checkName(dataset, undefined, path, path, problems, await hasFiles(paths, dataset));
  } else if ("name" in dataset) {
    const { name, split } = dataset;
    const here = await hasFiles(paths, name);
    checkName(name, split, `${path}/name`, `${path}/split`, problems, here);
  } else if ("file" in dataset) {
    const file = await realFileBelow(paths.datasets, join(paths.datasets, dataset.file));
    if (file) await checkFirstRows(dataset, file, `${path}/file`, reading, problems);
    else {
      const allowed = await filesBelow(paths.datasets);
      problems.push({
        path: `${path}/file`,
        message: `Unknown file "${dataset.file}"${suggestion(dataset.file, allowed)}`,
        allowed,
      });
    }
  } else if (reading) {
    const { input_ids, labels } = dataset.inline;
    checkIds(input_ids, `${path}/inline/input_ids`, reading, problems);
    if (labels) checkIds(labels, `${path}/inline/labels`, reading, problems);
    const row = input_ids.findIndex((ids) => ids.length > reading.maxLength);
    if (row >= 0) {
      problems.push({
        path: `${path}/inline/input_ids/${row}`,
        message:
          `Expected at most ${reading.maxLength} tokens, the longest sequence of this run, ` +
          `but found ${input_ids[row]!.length}`,
      });
    }
    if (labels && !input_ids.some((ids, row) => counts(exampleOf(ids, labels[row])))) {
      problems.push({
        path: `${path}/inline/labels`,
        message: "Expected a label that counts, after the first of its row, but found none",
      });
    }
  }
}

/** Whether a data set lies in the datasets folder in the hub's layout. */
function hasFiles({ datasets }: HomePaths, name: string): Promise<boolean> {
  return isRepositoryId(name) ? exists(join(datasets, name)) : Promise.resolve(false);
}

function checkName(
  name: string,
  split: string | undefined,
  namePath: string,
  splitPath: string,
  problems: Problem[],
  hasFiles: boolean,
): void {
  const info = DATASETS.get(withoutRevision(name));
  const hub = mayBeOnHub(name, readConfiguration().hub) || hasFiles;
  if (info === undefined) {
    if (hub) return;
    const allowed = [...DATASETS.keys()];
    problems.push({
      path: namePath,
      message: `Unknown dataset "${name}"${suggestion(name, allowed)}`,
      allowed,
    });
  } else if (info.sample !== undefined && name !== info.name) {
    problems.push({
      path: namePath,
      message: `Expected "${info.name}": it ships and has no revisions`,
      allowed: [info.name],
    });
  } else if (split !== undefined && info.splits[split] === undefined) {
    const allowed = Object.keys(info.splits);
    problems.push({
      path: splitPath,
      message: `Unknown split "${split}" of "${name}"${suggestion(split, allowed)}`,
      allowed,
    });
  } else if (info.sample === undefined && !hub) {
    problems.push({
      path: namePath,
      message: `Dataset "${name}" does not ship and HF_HUB_OFFLINE is set: expected its files in ` +
        `datasets/${name}/, or a file named as { "file": … }`,
      allowed: [...DATASETS.values()].filter((each) => each.sample).map((each) => each.name),
    });
  }
}

// The first bad id is enough: a wrong tokeniser makes thousands of them.
function checkIds(
  rows: readonly (readonly number[])[],
  path: string,
  { vocabSize }: Reading,
  problems: Problem[],
): void {
  for (const [row, ids] of rows.entries()) {
    const column = ids.findIndex((id) => id >= vocabSize);
    if (column < 0) continue;
    problems.push({
      path: `${path}/${row}/${column}`,
      message: `Expected a token id below ${vocabSize}, the size of the vocabulary, ` +
        `but found ${ids[column]}`,
    });
    return;
  }
}

/** Rows that are looked at before a spec is accepted. */
const FIRST_ROWS = 8;

// Enough to find wrong columns, what is no JSON, what cannot be unpacked, and conversations without a template.
async function checkFirstRows(
  { file: name, columns }: Extract<Dataset, { file: string }>,
  file: string,
  path: string,
  reading: Reading | undefined,
  problems: Problem[],
): Promise<void> {
  // Ids need none, but have to be some of the model's.
  const ids = { ...BYTE_TOKENIZER, vocabSize: reading?.vocabSize ?? Infinity };
  const read = reading && reader({ ...reading, tokenizer: reading.tokenizer ?? ids });
  try {
    const rows = await firstRows(file, { name, columns, limit: FIRST_ROWS });
    if (rows.length === 0) throw new RangeError(`Cannot read ${name}: it has no rows`);
    for (const placed of rows) {
      const { kind } = rowShape(placed.row, placed.where, columns);
      if (kind === "ids" || reading?.tokenizer) read?.(placed, columns);
    }
  } catch (error) {
    problems.push({ path, message: inputMessage(error) });
  }
}

/** Dataset files below a folder, at most 100, by name. */
export async function filesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  const visit = async (prefix: string) => {
    for await (const { name, isDirectory } of Deno.readDir(join(folder, prefix))) {
      const path = prefix + name;
      if (name.startsWith(".")) continue;
      if (isDirectory) await visit(`${path}/`);
      else if (isRowFile(name) && await realFileBelow(folder, join(folder, path))) {
        found.push(path);
      }
    }
  };
  if (await exists(folder)) await visit("");
  return found.sort().slice(0, 100);
}
