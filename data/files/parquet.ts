// Parquet files: a block is a row group, or a part of one where the file has an index of its pages.

import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync } from "hyparquet";
import { parquetReadObjects, parquetSchema } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { type JsonRow, shapeColumns } from "../row_shape.ts";
import type { Block, PlacedRow, RowFile, RowFileOptions } from "./row_file.ts";

/** Bytes of the wanted columns in a block: decoding takes about three times as much. */
const MAX_BLOCK_BYTES = 64 * 1024 * 1024;
/** Parts of an indexed row group are about this large. */
const PART_BYTES = 8 * 1024 * 1024;

/** Columns that are read beside those of the row's shape: labels of ids, and what tells a problem's answer. */
const BESIDE = [
  "labels",
  "answer",
  "final_answer",
  "level",
  "difficulty",
  "topic",
  "type",
  "subject",
] as const;

interface RowRange extends Block {
  readonly start: number;
  readonly end: number;
}

/** Opens a parquet file; only the columns that a row is read for are decoded. */
export async function openParquet(path: string, options: RowFileOptions): Promise<RowFile> {
  const { name, limit = Infinity, columns: names = {} } = options;
  const file = await fileBuffer(path);
  const metadata = await readMetadata(file, name);
  const present = parquetSchema(metadata).children.map((child) => child.element.name);
  const shape = shapeColumns(present, name, names);
  const wanted = [...new Set([...shape, ...BESIDE])]
    .map((column) => names[column] ?? column)
    .filter((column) => present.includes(column));
  const rowBytes = await bytesOfRow(file, metadata, name, wanted);
  const blocks = blocksOf(metadata, name, wanted, rowBytes, limit);
  return {
    name,
    blocks,
    async read(index) {
      const { start, end } = blocks[index]!;
      const rows = await readRows(file, metadata, name, wanted, start, end);
      return rows.map((row, i): PlacedRow => ({ row, where: `${name}, row ${start + i + 1}` }));
    },
  };
}

async function readMetadata(file: AsyncBuffer, name: string): Promise<FileMetaData> {
  try {
    return await parquetMetadataAsync(file);
  } catch (error) {
    throw new SyntaxError(
      `Cannot read ${name}: ${(error as Error).message}: it is cut, or no parquet file`,
    );
  }
}

/** Rows that the size of a row is measured on. */
const MEASURED_ROWS = 100;

// A dictionary says a text once, however many rows have it: the file's own sizes are no bound.
async function bytesOfRow(
  file: AsyncBuffer,
  metadata: FileMetaData,
  name: string,
  wanted: string[],
): Promise<number> {
  const first = Number(metadata.row_groups.find(({ num_rows }) => num_rows > 0n)?.num_rows ?? 0);
  const end = Math.min(first, MEASURED_ROWS);
  const rows = await readRows(file, metadata, name, wanted, 0, end);
  return Math.ceil(JSON.stringify(rows).length / Math.max(rows.length, 1));
}

function blocksOf(
  metadata: FileMetaData,
  name: string,
  wanted: readonly string[],
  rowBytes: number,
  limit: number,
): RowRange[] {
  const blocks: RowRange[] = [];
  let first = 0;
  metadata.row_groups.forEach((group, index) => {
    const rows = Number(group.num_rows);
    const chunks = group.columns.filter(({ meta_data }) =>
      wanted.includes(meta_data?.path_in_schema[0] ?? "")
    );
    const written = chunks.reduce(
      (sum, { meta_data }) => sum + Number(meta_data?.total_uncompressed_size ?? 0),
      0,
    );
    const bytes = Math.max(written, rows * rowBytes);
    const indexed = chunks.every((chunk) => chunk.offset_index_offset !== undefined);
    if (bytes > MAX_BLOCK_BYTES && !indexed) {
      throw new RangeError(
        `Cannot read ${name}: row group ${index} has ${bytes} bytes in ${rows} rows, expected at ` +
          `most ${MAX_BLOCK_BYTES}: write it with smaller row groups (row_group_size) or with an ` +
          `index of its pages (write_page_index)`,
      );
    }
    const parts = indexed ? Math.max(1, Math.min(rows, Math.ceil(bytes / PART_BYTES))) : 1;
    for (let part = 0; part < parts; part++) {
      const start = first + Math.floor(rows * part / parts);
      const end = Math.min(limit, first + Math.floor(rows * (part + 1) / parts));
      if (end <= start) continue;
      blocks.push({
        start,
        end,
        rows: end - start,
        bytes: Math.ceil(bytes * (end - start) / rows),
      });
    }
    first += rows;
  });
  return blocks;
}

async function readRows(
  file: AsyncBuffer,
  metadata: FileMetaData,
  name: string,
  columns: string[],
  rowStart: number,
  rowEnd: number,
): Promise<JsonRow[]> {
  try {
    const rows = await parquetReadObjects({
      file,
      metadata,
      columns,
      rowStart,
      rowEnd,
      compressors,
      useOffsetIndex: true,
      parsers: { stringFromBytes: decode },
    });
    return rows.map((row) => plain(row) as JsonRow);
  } catch (error) {
    throw new SyntaxError(
      `Cannot read ${name}, rows ${rowStart + 1} to ${rowEnd}, columns ${columns.join(", ")}: ` +
        `${(error as Error).message}: the file is cut or damaged`,
    );
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function decode(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  try {
    return utf8.decode(bytes);
  } catch {
    throw new SyntaxError("a string is not valid UTF-8");
  }
}

// 64-bit integers come as bigint, lists of numbers as typed arrays: as JSON has them.
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, plain);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

async function fileBuffer(path: string): Promise<AsyncBuffer> {
  const { size } = await Deno.stat(path);
  return {
    byteLength: size,
    slice(start, end = size) {
      using file = Deno.openSync(path, { read: true });
      file.seekSync(start, Deno.SeekMode.Start);
      const bytes = new Uint8Array(Math.max(0, end - start));
      for (let at = 0; at < bytes.length;) {
        const count = file.readSync(bytes.subarray(at));
        if (count === null) throw new SyntaxError(`it ends at byte ${start + at}`);
        at += count;
      }
      return Promise.resolve(bytes.buffer);
    },
  };
}
