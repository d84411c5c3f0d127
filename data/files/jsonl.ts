// JSON lines: one object a line. One pass finds where blocks of whole lines begin; a block is then read
// and parsed when its turn comes.

import type { JsonRow } from "../row_shape.ts";
import type { Block, PlacedRow, RowFile, RowFileOptions } from "./row_file.ts";

/** A block ends with the first line that reaches this size. */
const BLOCK_BYTES = 256 * 1024;
/** Bytes of a row at most: one row is always in memory whole. */
const MAX_ROW_BYTES = 64 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;
const NEWLINE = 10, SPACE = 32;

interface LineBlock extends Block {
  readonly offset: number;
  /** Number of its first line, from 1. */
  readonly line: number;
}

/** Opens a jsonl file; blank lines are skipped. */
export async function openJsonl(path: string, options: RowFileOptions): Promise<RowFile> {
  const { name, limit } = options;
  const blocks = await indexLines(path, name, limit);
  return {
    name,
    blocks,
    // Not async inside: a block is small, and reads at an offset share the file's one position.
    read(index) {
      const { offset, bytes, line } = blocks[index]!;
      return Promise.resolve(parseLines(readRange(path, name, offset, bytes), name, line));
    },
  };
}

async function indexLines(path: string, name: string, limit = Infinity): Promise<LineBlock[]> {
  using file = await Deno.open(path, { read: true });
  const chunk = new Uint8Array(CHUNK_BYTES);
  const blocks: LineBlock[] = [];
  let base = 0, line = 1, taken = 0;
  let block = { offset: 0, line: 1, rows: 0 };
  let lineStart = 0, hasContent = false;
  const close = (end: number) => {
    if (block.rows > 0) blocks.push({ ...block, bytes: end - block.offset });
    block = { offset: end, line, rows: 0 };
  };
  for (;;) {
    const length = await file.read(chunk);
    if (length === null) break;
    for (let at = 0; at < length;) {
      const newline = chunk.subarray(0, length).indexOf(NEWLINE, at);
      const end = newline < 0 ? length : newline;
      for (let i = at; !hasContent && i < end; i++) hasContent = chunk[i]! > SPACE;
      if (base + end - lineStart > MAX_ROW_BYTES) {
        throw new RangeError(
          `Cannot read ${name}:${line}: the line has over ${MAX_ROW_BYTES} bytes, ` +
            `expected one JSON object a line`,
        );
      }
      if (newline < 0) break;
      at = newline + 1;
      line++;
      lineStart = base + at;
      if (hasContent) {
        block.rows++;
        taken++;
      }
      hasContent = false;
      if (taken >= limit) {
        close(lineStart);
        return blocks;
      }
      if (lineStart - block.offset >= BLOCK_BYTES) close(lineStart);
    }
    base += length;
  }
  if (hasContent) block.rows++;
  close(base);
  return blocks;
}

/**
 * The rows of whole lines.
 *
 * @param line number of the first.
 * @throws {SyntaxError} naming the line that is no UTF-8 or no JSON object.
 */
export function parseLines(data: Uint8Array, name: string, line: number): PlacedRow[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(data);
  } catch {
    throw new SyntaxError(
      `Cannot read ${name}:${line + badLine(data)}: it is not valid UTF-8, expected JSON in UTF-8`,
    );
  }
  return text.split("\n").flatMap((json, index) => {
    if (json.trim() === "") return [];
    const where = `${name}:${line + index}`;
    return [{ row: parseRow(json, where), where }];
  });
}

function parseRow(json: string, where: string): JsonRow {
  let row: unknown;
  try {
    row = JSON.parse(json);
  } catch (error) {
    throw new SyntaxError(`Cannot parse ${where}: ${(error as Error).message}`);
  }
  if (typeof row !== "object" || row === null || Array.isArray(row)) {
    throw new SyntaxError(`Cannot parse ${where}: expected a JSON object`);
  }
  return row as JsonRow;
}

function readRange(path: string, name: string, offset: number, bytes: number): Uint8Array {
  using file = Deno.openSync(path, { read: true });
  file.seekSync(offset, Deno.SeekMode.Start);
  const data = new Uint8Array(bytes);
  for (let at = 0; at < bytes;) {
    const count = file.readSync(data.subarray(at));
    if (count === null) {
      throw new SyntaxError(
        `Cannot read ${name}: it ends at byte ${offset + at}, it was longer when the run began`,
      );
    }
    at += count;
  }
  return data;
}

/** Index of the first line whose bytes are not UTF-8. */
function badLine(data: Uint8Array): number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (let at = 0, line = 0;; line++) {
    const newline = data.indexOf(NEWLINE, at);
    try {
      decoder.decode(data.subarray(at, newline < 0 ? data.length : newline));
    } catch {
      return line;
    }
    if (newline < 0) return line;
    at = newline + 1;
  }
}
