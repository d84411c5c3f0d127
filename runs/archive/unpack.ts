// The files of an archive as they come in.

import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
// @ts-types="@types/tar-stream"
import tar from "tar-stream";

/** The bytes are no gzipped tar archive, or not all of one. */
export class DamagedArchiveError extends Error {}

/** A file of an archive: its name and its bytes. */
export interface ArchiveEntry {
  readonly name: string;
  readonly size: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/**
 * The files of an archive, in order; each must be read to its end before the next.
 *
 * @throws {DamagedArchiveError} here or while a file is read.
 */
export async function* unpack(
  archive: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<ArchiveEntry> {
  const extract = tar.extract();
  const bytes = archive.pipeThrough(new DecompressionStream("gzip"));
  const feeding = pipeline(Readable.fromWeb(bytes as never), extract);
  // A failure shows up where entries are read; this one must not be left alone.
  feeding.catch(() => {});
  for await (const entry of whole(extract)) {
    const { name, size = 0, type } = entry.header;
    if (type === "file") yield { name, size, bytes: whole(entry) };
    else entry.resume();
  }
  await feeding;
}

/** Whatever unpacking fails with, it is the archive that is no good. */
async function* whole<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* source;
  } catch (error) {
    throw new DamagedArchiveError((error as Error).message, { cause: error });
  }
}

/** A file as text. */
export async function entryText({ name, bytes }: ArchiveEntry): Promise<string> {
  const all = await buffer(Readable.from(bytes));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(all);
  } catch (error) {
    throw new DamagedArchiveError(`${name} is no text in UTF-8`, { cause: error });
  }
}
