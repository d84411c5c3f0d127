// Compressed files are unpacked once, to a file that blocks can be read from in any order.

import { basename, join } from "@std/path";
import { Decompress } from "fzstd";
import { createHash } from "node:crypto";
import { Duplex } from "node:stream";
import { createGunzip } from "node:zlib";

/**
 * Unpacks a .gz or .zst file into `cache`, if that is not done yet for the file as it is now, and
 * returns the path of the result. A few megabytes are in memory at a time.
 *
 * @throws {SyntaxError} if the file is cut or damaged.
 */
export async function unpack(path: string, name: string, cache: string): Promise<string> {
  const { size, mtime } = await Deno.stat(path);
  const version = `${size}-${mtime?.getTime() ?? 0}`;
  const prefix = createHash("sha256").update(path).digest("hex").slice(0, 16);
  const target = join(cache, `${prefix}-${version}.jsonl`);
  await Deno.mkdir(cache, { recursive: true });
  if (await isFile(target)) return target;
  const temporary = join(cache, `.${basename(target)}.${crypto.randomUUID()}.tmp`);
  try {
    {
      using source = await Deno.open(path, { read: true });
      using unpacked = await Deno.open(temporary, { write: true, createNew: true });
      const stream = source.readable.pipeThrough(unpacking(name));
      for await (const chunk of stream) {
        for (let at = 0; at < chunk.length;) at += await unpacked.write(chunk.subarray(at));
      }
      await unpacked.sync();
    }
    await Deno.rename(temporary, target);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    if (error instanceof Deno.errors.NotFound || isDiskError(error)) throw error;
    throw damaged(name, error);
  }
  await removeOlder(cache, prefix, basename(target));
  return target;
}

/** Bytes of a packed file's start that are unpacked to look at it. */
const START_BYTES = 4 * 1024 * 1024;

/**
 * The first `lines` lines of a packed file, fewer where they are longer than 4 MB.
 *
 * @throws {SyntaxError} if the file's start is damaged.
 */
export async function firstLines(path: string, name: string, lines: number): Promise<Uint8Array> {
  using source = await Deno.open(path, { read: true });
  const stream = source.readable.pipeThrough(unpacking(name));
  const parts: Uint8Array[] = [];
  let found = 0, bytes = 0;
  try {
    for await (const chunk of stream) {
      parts.push(chunk);
      bytes += chunk.length;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) found++;
      if (found >= lines || bytes >= START_BYTES) break;
    }
  } catch (error) {
    throw damaged(name, error);
  }
  const start = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
  // What was cut in the middle of a line is no row.
  return found >= lines || bytes >= START_BYTES
    ? start.subarray(0, start.lastIndexOf(10) + 1)
    : start;
}

function unpacking(name: string): Unpacking {
  return name.endsWith(".zst") ? zstdStream() : gzipStream();
}

type Unpacking = ReadableWritablePair<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>;

// DecompressionStream refuses what comes after the first member; files that were appended to have several.
function gzipStream(): Unpacking {
  return Duplex.toWeb(createGunzip()) as unknown as Unpacking;
}

function damaged(name: string, error: unknown): SyntaxError {
  return new SyntaxError(
    `Cannot unpack ${name}: ${(error as Error).message}: the file is cut or damaged`,
  );
}

// Node's zstd streams end without an error where their input is cut; this one does not.
function zstdStream(): Unpacking {
  let decompress: Decompress;
  return new TransformStream({
    start(controller) {
      decompress = new Decompress((data) => {
        if (data.length > 0) controller.enqueue(data.slice() as Uint8Array<ArrayBuffer>);
      });
    },
    transform: (chunk) => decompress.push(chunk, false),
    flush: () => decompress.push(new Uint8Array(0), true),
  });
}

function isDiskError(error: unknown): boolean {
  return error instanceof Error && "code" in error && /^E[A-Z]+$/.test(String(error.code)) &&
    !String(error.code).startsWith("ERR");
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function removeOlder(cache: string, prefix: string, keep: string): Promise<void> {
  for await (const { name } of Deno.readDir(cache)) {
    if (name.startsWith(`${prefix}-`) && name !== keep) await Deno.remove(join(cache, name));
  }
}
