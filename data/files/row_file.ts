// A file of rows, read in blocks: one block at a time is in memory, whatever the file's size.

import type { ColumnNames, JsonRow } from "../row_shape.ts";
import { openJsonl, parseLines } from "./jsonl.ts";
import { openParquet } from "./parquet.ts";
import { firstLines, unpack } from "./unpack.ts";

/** A row, and what errors call it. */
export interface PlacedRow {
  readonly row: JsonRow;
  readonly where: string;
}

/** A part that is read at once. */
export interface Block {
  /** Bytes of the rows, unpacked. */
  readonly bytes: number;
  readonly rows: number;
}

/** An indexed file. */
export interface RowFile {
  readonly name: string;
  readonly blocks: readonly Block[];
  /**
   * The rows of a block.
   *
   * @throws {SyntaxError} naming the file and the row if they cannot be parsed.
   */
  read(block: number): Promise<PlacedRow[]>;
}

/** How a file is opened. */
export interface RowFileOptions {
  /** What errors call the file. */
  readonly name: string;
  /** Rows to take at most, from the start. */
  readonly limit?: number | undefined;
  readonly columns?: ColumnNames | undefined;
  /** Folder for what has to be unpacked. */
  readonly cache: string;
}

/** Endings of the files that can be read. */
const ROW_FILE_ENDINGS = [".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet"] as const;

/** Whether a name has one of the {@linkcode ROW_FILE_ENDINGS}. */
export function isRowFile(name: string): boolean {
  return ROW_FILE_ENDINGS.some((ending) => name.endsWith(ending));
}

/**
 * Opens a file and finds its blocks.
 *
 * @throws {RangeError} for another ending, missing columns, or rows too large to be read.
 * @throws {SyntaxError} if the file is cut or damaged.
 */
export async function openRowFile(path: string, options: RowFileOptions): Promise<RowFile> {
  const { name, cache } = options;
  if (name.endsWith(".parquet")) return await openParquet(path, options);
  if (name.endsWith(".jsonl")) return await openJsonl(path, options);
  if (name.endsWith(".jsonl.gz") || name.endsWith(".jsonl.zst")) {
    return await openJsonl(await unpack(path, name, cache), options);
  }
  throw new RangeError(
    `Cannot read "${name}": expected a file that ends in ${ROW_FILE_ENDINGS.join(", ")}`,
  );
}

/**
 * Bytes of a file's rows at most; undefined where it would have to be unpacked to tell.
 *
 * @throws as {@linkcode openRowFile}.
 */
export async function mostBytes(
  path: string,
  options: Omit<RowFileOptions, "cache">,
): Promise<number | undefined> {
  const { name } = options;
  if (name.endsWith(".jsonl")) return (await Deno.stat(path)).size;
  if (!name.endsWith(".parquet")) return undefined;
  return (await openParquet(path, { ...options, cache: "" })).blocks
    .reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * The first rows of a file, at most `limit`; a packed one is unpacked no further than they go.
 *
 * @throws as {@linkcode openRowFile} and {@linkcode RowFile.read}.
 */
export async function firstRows(
  path: string,
  { limit, ...options }: Omit<RowFileOptions, "cache"> & { readonly limit: number },
): Promise<PlacedRow[]> {
  const { name } = options;
  if (/\.(gz|zst)$/.test(name)) {
    return parseLines(await firstLines(path, name, limit), name, 1).slice(0, limit);
  }
  const { blocks, read } = await openRowFile(path, { ...options, limit, cache: "" });
  return blocks.length === 0 ? [] : (await read(0)).slice(0, limit);
}
