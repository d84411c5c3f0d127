// From a dataset in a run spec to examples: shipped texts, files of rows, or ids in the spec itself.
// What is small is read at once; a larger dataset is a stream that is read block by block.

import { join } from "@std/path";
import type { Dataset } from "../runs/spec/dataset.ts";
import { BYTE_TOKENIZER, type Tokenizer } from "./byte_tokenizer.ts";
import { DATASETS, findDataset, findSplit, heldOutShare } from "./datasets.ts";
import { type Example, exampleOf, IGNORED_TARGET } from "./example.ts";
import { openRowFile, type PlacedRow, type RowFile } from "./files/row_file.ts";
import { isHeldOut } from "./held_out.ts";
import { isRepositoryId, withoutRevision } from "./hub/repository_id.ts";
import { datasetFiles } from "./hub/split_files.ts";
import { realFileBelow } from "./real_path.ts";
import { type ColumnNames, type JsonRow, rowKey, rowShape } from "./row_shape.ts";
import { type RowRules, shapeExamples } from "./rows.ts";
import { readSample } from "./sample_file.ts";

/** Bytes of rows that are read at once; a dataset with more is a stream. */
export const WINDOW_BYTES = 16 * 1024 * 1024;

/** Where unpacked files lie, in the datasets folder. */
const CACHE = ".cache";

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
  /** @default {WINDOW_BYTES} */
  readonly windowBytes?: number;
}

/** Examples that do not lie in memory together. */
export interface ExampleStream {
  /** Bytes of each block's rows. */
  readonly blocks: readonly number[];
  /** Bytes of rows that may be in memory at once. */
  readonly windowBytes: number;
  /** The examples of a block, in the file's order. */
  read(block: number): Promise<Example[]>;
}

/** Whether examples are read block by block. */
export function isStream(examples: readonly Example[] | ExampleStream): examples is ExampleStream {
  return "blocks" in examples;
}

/**
 * Opens a dataset.
 *
 * @returns undefined where an evaluation set is asked for and the dataset holds nothing out.
 * @throws {RangeError} for an unknown name, split, file, or a row that does not fit.
 * @throws {SyntaxError} for a file that cannot be parsed.
 */
export async function openExamples(
  dataset: Dataset,
  options: LoadOptions,
): Promise<Example[] | ExampleStream | undefined> {
  const read = reader(options);
  if (typeof dataset === "object" && "inline" in dataset) {
    if (options.purpose === "test") return undefined;
    const examples = inlineExamples(dataset.inline, options.maxLength);
    examples.forEach((example, row) => checkIds(example, `row ${row}`, options.vocabSize));
    return examples;
  }
  const named = typeof dataset === "string" ? { name: dataset } : dataset;
  if (ships(named)) {
    const rows = await shippedRows(named, options.purpose);
    return rows && spread(rows.flatMap((row) => read(row)), named.limit);
  }
  const rows = await openRows(named, options);
  return rows && await readOrStream(rows, read, options);
}

/**
 * Reads a dataset whole.
 *
 * @returns undefined where an evaluation set is asked for and the dataset holds nothing out.
 * @throws {RangeError} as {@linkcode openExamples}, and if it is too large to be in memory.
 */
export async function loadExamples(
  dataset: Dataset,
  options: LoadOptions,
): Promise<Example[] | undefined> {
  const opened = await openExamples(dataset, options);
  if (opened === undefined || !isStream(opened)) return opened;
  const examples: Example[] = [];
  // An example has two numbers of four bytes for each token; a token has about four bytes of text.
  const most = 2 * opened.windowBytes;
  let tokens = 0;
  for (let block = 0; block < opened.blocks.length; block++) {
    for (const example of await opened.read(block)) {
      examples.push(example);
      tokens += example.ids.length;
    }
    if (tokens <= most) continue;
    throw tooLarge(options.purpose, `${most} tokens`);
  }
  return examples;
}

/** The rows of a split or file. */
export interface DatasetRows {
  readonly rows: readonly JsonRow[];
  /** Rows at most, where they are not yet cut to that number. */
  readonly limit?: number | undefined;
  /** What to call them in errors. */
  readonly name: string;
}

/**
 * Reads the rows of a named dataset or of a file as they are.
 *
 * @returns undefined where an evaluation set is asked for and the dataset holds nothing out.
 * @throws {RangeError} for an unknown name, split or file, and if it is too large to be in memory.
 * @throws {SyntaxError} for a file that cannot be parsed.
 */
export async function datasetRows(
  dataset: Exclude<Dataset, { inline: unknown }>,
  options: Pick<LoadOptions, "purpose" | "folder" | "windowBytes">,
): Promise<DatasetRows | undefined> {
  const named = typeof dataset === "string" ? { name: dataset } : dataset;
  const name = "name" in named ? named.name : named.file;
  if (ships(named)) {
    const rows = await shippedRows(named, options.purpose);
    return rows && { rows: rows.map(({ row }) => row), limit: named.limit, name };
  }
  const opened = await openRows(named, options);
  if (opened === undefined) return undefined;
  const { windowBytes = WINDOW_BYTES } = options;
  const rows: JsonRow[] = [];
  let bytes = 0;
  for (const { file, index } of placesOf(opened)) {
    const kept = (await file.read(index)).filter((row) => wants(opened, options.purpose, row));
    rows.push(...kept.map(({ row }) => row));
    // What of a block's bytes is in the rows that were kept.
    const block = file.blocks[index]!;
    bytes += block.bytes * kept.length / block.rows;
    if (bytes > 4 * windowBytes) throw tooLarge(options.purpose, `${4 * windowBytes} bytes`);
  }
  return { rows, name };
}

function tooLarge(purpose: string, most: string): RangeError {
  return new RangeError(
    `Cannot read the ${purpose} rows at once: they have over ${most}, expected a limit` +
      (purpose === "test" ? ", or a smaller test_fraction" : ""),
  );
}

/** The rows of a dataset's files, and which of them are wanted. */
interface Rows {
  readonly files: readonly RowFile[];
  readonly columns: ColumnNames | undefined;
  /** Share of the rows that is held out. */
  readonly heldOut: number;
}

async function openRows(
  dataset: FileOrName,
  options: Pick<LoadOptions, "purpose" | "folder">,
): Promise<Rows | undefined> {
  const { folder, purpose } = options;
  const cache = join(folder, CACHE);
  if ("file" in dataset) {
    const { file, limit, columns, test_fraction: heldOut = 0 } = dataset;
    if (purpose === "test" && heldOut === 0) return undefined;
    const path = await realFileBelow(folder, join(folder, file));
    if (path === undefined) {
      throw new RangeError(`Cannot read "${file}": no such file in the datasets folder`);
    }
    const opened = await openRowFile(path, { name: file, limit, columns, cache });
    return { files: [opened], columns, heldOut };
  }
  const { name, limit } = dataset;
  const info = DATASETS.get(withoutRevision(name));
  const own = info === undefined ? undefined : findSplit(info, dataset.split, purpose);
  if (info !== undefined && own === undefined) return undefined;
  const split = own ?? dataset.split ?? purpose;
  // A split that its makers do not publish is a share of their training rows.
  const heldOut = info ? heldOutShare(info) : 0;
  const published = heldOut > 0 && split === "test" ? "train" : split;
  const columns = dataset.columns ?? info?.columns;
  const paths = await datasetFiles(folder, name, published);
  if (paths.length === 0) {
    if (!isRepositoryId(name)) findDataset(name);
    if (info === undefined && purpose === "test" && dataset.split === undefined) return undefined;
    throw new RangeError(
      `Cannot read split "${published}" of "${name}": its files are not in the datasets folder`,
    );
  }
  const files: RowFile[] = [];
  let left = limit ?? Infinity;
  for (const path of paths) {
    const file = `${name}/${path}`;
    const full = await realFileBelow(folder, join(folder, file));
    if (full === undefined) continue;
    const opened = await openRowFile(full, { name: file, limit: left, columns, cache });
    files.push(opened);
    left -= opened.blocks.reduce((sum, { rows }) => sum + rows, 0);
    if (left <= 0) break;
  }
  return { files, columns, heldOut: split === "test" || split === "train" ? heldOut : 0 };
}

type FileOrName =
  | Extract<Dataset, { file: string }>
  | Extract<Dataset, { name: string }>;

function ships(dataset: FileOrName): dataset is Extract<Dataset, { name: string }> {
  return "name" in dataset && DATASETS.get(dataset.name)?.sample !== undefined;
}

async function shippedRows(
  { name, split, limit = Infinity }: {
    name: string;
    split?: string | undefined;
    limit?: number | undefined;
  },
  purpose: LoadOptions["purpose"],
): Promise<PlacedRow[] | undefined> {
  const info = DATASETS.get(name)!;
  const found = findSplit(info, split, purpose);
  if (found === undefined) return undefined;
  const sample = info.sample!;
  const rows = typeof sample === "string"
    ? (await readSample(sample)).filter((row) => row.split === found)
    : [...await sample(found as "train" | "test", Math.min(info.splits[found]!.rows, limit))];
  return rows.map((row, i) => ({ row: row as JsonRow, where: `${name}, row ${i + 1}` }));
}

type ReadRow = (row: PlacedRow, columns?: ColumnNames) => Example[];

/** What turns a row into examples. */
export type ReadOptions = Pick<
  LoadOptions,
  "maxLength" | "tokenizer" | "vocabSize" | "completionOnly"
>;

/** How rows become examples: by their shape, with ids that the model knows. */
export function reader(options: ReadOptions): ReadRow {
  const rules: RowRules = {
    tokenizer: options.tokenizer ?? BYTE_TOKENIZER,
    maxLength: options.maxLength,
    completionOnly: options.completionOnly ?? true,
  };
  return ({ row, where }, columns) => {
    const examples = shapeExamples(rowShape(row, where, columns), rules, where);
    examples.forEach((example) => checkIds(example, where, options.vocabSize));
    return examples;
  };
}

/** Every block of the files, in their order. */
function placesOf({ files }: Rows): { file: RowFile; index: number }[] {
  return files.flatMap((file) => file.blocks.map((_, index) => ({ file, index })));
}

function wants({ columns, heldOut }: Rows, purpose: string, { row, where }: PlacedRow): boolean {
  return heldOut === 0 ||
    isHeldOut(rowKey(rowShape(row, where, columns)), heldOut) === (purpose === "test");
}

async function readOrStream(
  rows: Rows,
  readRow: ReadRow,
  { purpose, windowBytes = WINDOW_BYTES }: LoadOptions,
): Promise<Example[] | ExampleStream> {
  const places = placesOf(rows);
  const read = async (place: number) => {
    const { file, index } = places[place]!;
    const wanted = (await file.read(index)).filter((row) => wants(rows, purpose, row));
    return wanted.flatMap((row) => readRow(row, rows.columns));
  };
  const blocks = places.map(({ file, index }) => file.blocks[index]!.bytes);
  if (blocks.reduce((sum, bytes) => sum + bytes, 0) > windowBytes) {
    return { blocks, windowBytes, read };
  }
  const examples: Example[] = [];
  for (let block = 0; block < blocks.length; block++) examples.push(...await read(block));
  return examples;
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

/** At most `limit` examples, evenly spaced, so that a small part of a text is drawn from all of it. */
function spread(examples: Example[], limit: number | undefined): Example[] {
  if (limit === undefined || limit >= examples.length) return examples;
  return Array.from(
    { length: limit },
    (_, i) => examples[Math.floor(i * examples.length / limit)]!,
  );
}

function checkIds({ ids, targets }: Example, where: string, vocabSize = Infinity): void {
  const check = (id: number) => {
    if (id < vocabSize) return;
    throw new RangeError(
      `Cannot use ${where}: it has token ${id}, the model knows 0 to ${vocabSize - 1}`,
    );
  };
  ids.forEach(check);
  targets.forEach((target) => target === IGNORED_TARGET || check(target));
}
