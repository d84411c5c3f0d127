// One file from the hub: in parts where the connection is cut, checked against its hash, there whole or
// not at all. What has come is kept under the hash's name, so that another attempt goes on from it.

import { dirname, join } from "@std/path";
import { createHash, type Hash } from "node:crypto";
import { hubFetch, type HubSession, pause, RETRIES, statusError } from "./client.ts";
import { fileUrl, type HubFile, type Repository } from "./repository.ts";

/** A connection that brings nothing for so long is cut, in milliseconds. */
const STALL_MS = 60_000;

/** What downloading a file needs. */
export interface DownloadOptions {
  readonly session: HubSession;
  /** Folder of the parts. */
  readonly parts: string;
  /** Called with the bytes that have come since the last call; fewer than none where a part is given up. */
  readonly onBytes: (bytes: number) => void;
}

/**
 * Downloads a file to `target`, if it is not there yet.
 *
 * @throws {RangeError} if the hub has no such file, or what comes does not have its hash.
 * @throws {Error} if the connection is cut again and again.
 */
export async function downloadFile(
  repository: Repository,
  file: HubFile,
  target: string,
  { session, parts, onBytes }: DownloadOptions,
): Promise<void> {
  // A file gets its name when it has been checked.
  if (await sizeOf(target) === file.bytes) return onBytes(file.bytes);
  await Deno.mkdir(parts, { recursive: true });
  const part = join(parts, `${file.hash.hex}.part`);
  const known = Math.min(await sizeOf(part) ?? 0, file.bytes);
  onBytes(known);
  let had = known;
  for (let cuts = 0;;) {
    const { end, cause } = await receive(repository, file, part, session, onBytes);
    if (end === file.bytes) break;
    // A hub that sends something each time is asked as often as it takes.
    cuts = end > had ? 0 : cuts + 1;
    had = end;
    if (cuts > RETRIES) {
      throw new Error(
        `Cannot download "${repository.name}": ${file.path} was cut at byte ${end} of ` +
          `${file.bytes}: ${cause}; what has come is kept`,
      );
    }
    await pause(session, cuts);
  }
  const found = await hashOf(part, file);
  if (found !== file.hash.hex) {
    await Deno.remove(part);
    onBytes(-file.bytes);
    throw new RangeError(
      `Cannot download "${repository.name}": ${file.path} has the ${file.hash.algorithm} ` +
        `${found}, expected ${file.hash.hex}: it was not kept`,
    );
  }
  {
    using written = await Deno.open(part, { read: true });
    await written.sync();
  }
  await Deno.mkdir(dirname(target), { recursive: true });
  await Deno.rename(part, target);
}

/** Appends to the part until it is whole or the connection is cut; returns its length then. */
async function receive(
  repository: Repository,
  file: HubFile,
  part: string,
  session: HubSession,
  onBytes: (bytes: number) => void,
): Promise<{ end: number; cause: string }> {
  let at = Math.min(await sizeOf(part) ?? 0, file.bytes);
  if (at === file.bytes && at > 0) return { end: at, cause: "" };
  const stall = new AbortController();
  const signals = session.signal ? [session.signal, stall.signal] : [stall.signal];
  const response = await hubFetch(
    { ...session, signal: AbortSignal.any(signals) },
    fileUrl(session.endpoint, repository, file.path),
    // A packed answer would have no ranges.
    { headers: { "Accept-Encoding": "identity", ...(at > 0 && { Range: `bytes=${at}-` }) } },
  );
  if (!response.ok) {
    await response.body?.cancel();
    const code = response.headers.get("X-Error-Code") ?? undefined;
    throw statusError(session, repository.name, response.status, code);
  }
  // A hub may answer with the whole file, from its start.
  const from = /^bytes (\d+)-/.exec(response.headers.get("Content-Range") ?? "")?.[1];
  const start = response.status === 206 && from !== undefined ? Number(from) : 0;
  if (start > at) throw new Error(`Cannot download "${repository.name}": expected byte ${at} next`);
  onBytes(start - at);
  at = start;
  using written = await Deno.open(part, { write: true, create: true });
  await written.truncate(at);
  await written.seek(at, Deno.SeekMode.Start);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const watch = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stall.abort(new Error("nothing came for a minute")), STALL_MS);
  };
  try {
    watch();
    for await (const chunk of response.body ?? []) {
      watch();
      const wanted = chunk.subarray(0, file.bytes - at);
      for (let done = 0; done < wanted.length;) done += await written.write(wanted.subarray(done));
      at += wanted.length;
      onBytes(wanted.length);
    }
    return { end: at, cause: "the connection was closed" };
  } catch (error) {
    session.signal?.throwIfAborted();
    if (isDiskError(error)) throw error;
    return { end: at, cause: (error as Error).message };
  } finally {
    clearTimeout(timer);
  }
}

// A full disk is no cut connection.
function isDiskError(error: unknown): boolean {
  return error instanceof Error && /os error/.test(error.message) &&
    /space|disk|permission|read-only|quota/i.test(error.message);
}

async function hashOf(path: string, { bytes, hash: { algorithm } }: HubFile): Promise<string> {
  const hash: Hash = createHash(algorithm === "sha256" ? "sha256" : "sha1");
  // What git hashes of a file: its kind, its length, its bytes.
  if (algorithm === "git-sha1") hash.update(`blob ${bytes}\0`);
  using file = await Deno.open(path, { read: true });
  const chunk = new Uint8Array(1024 * 1024);
  for (let count = await file.read(chunk); count !== null; count = await file.read(chunk)) {
    hash.update(chunk.subarray(0, count));
  }
  return hash.digest("hex");
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
