// Takes an archive in: what it holds is there as if it had been made here, or nothing of it is.

import { join } from "@std/path";
import { z } from "@hono/zod-openapi";
import { ADAPTER_FILES, adapterName } from "../checkpoint_files.ts";
import type { Places } from "../places.ts";
import { InvalidSpecError, problemsOf } from "../spec/problems.ts";
import { isFinal, MetricPoint, Run } from "../spec/run.ts";
import { specHash } from "../spec/spec_hash.ts";
import { SweepRequest } from "../spec/sweep.ts";
import type { RunStore } from "../store/run_store.ts";
import type { SweepStore } from "../store/sweep_store.ts";
import { exists } from "../write_file.ts";
import { Checksums, SUMS_FILE } from "./checksums.ts";
import { ARCHIVE_FORMAT } from "./pack.ts";
import { type ArchiveEntry, DamagedArchiveError, entryText, unpack } from "./unpack.ts";

/** Bytes of a text in an archive; events of long runs are the largest. */
const MOST_TEXT = 512 * 1024 * 1024;
/** Bytes of all weights in an archive. */
const MOST_WEIGHTS = 64 * 1024 ** 3;

const Event = z.object({
  seq: z.int().min(1),
  type: z.string().min(1),
  data: z.record(z.string(), z.unknown()),
});
const Members = z.array(z.object({
  run_id: z.string(),
  changes: z.record(z.string(), z.unknown()),
  stopped_early: z.boolean(),
}));
const SweepFile = z.object({
  id: z.uuid(),
  request: SweepRequest,
  created_at: z.iso.datetime(),
  runs: Members,
});
const Manifest = z.object({ format: z.literal(ARCHIVE_FORMAT), kind: z.enum(["run", "sweep"]) });

/** What an import works with. */
export interface ImportContext extends Places {
  readonly store: RunStore;
  readonly sweeps: SweepStore;
}

/** What has come in. */
export interface Imported {
  readonly runs: string[];
  readonly sweep: string | null;
  /** Runs that were here already: they are left as they are. */
  readonly known: string[];
}

interface Draft {
  run?: Run;
  events?: z.infer<typeof Event>[];
  points?: MetricPoint[];
}

/**
 * Reads an archive.
 *
 * @throws {InvalidSpecError} if it is no archive of runs that have ended, or is damaged.
 */
export async function importArchive(
  archive: ReadableStream<Uint8Array<ArrayBuffer>>,
  { store, sweeps, paths, artifacts }: ImportContext,
): Promise<Imported> {
  const staging = join(paths.adapters, `.import.${crypto.randomUUID()}.tmp`);
  try {
    const { runs, sweep } = await read(archive, staging);
    const known: string[] = [];
    for (const { run, events, points } of runs) {
      if (await store.get(run.id)) {
        known.push(run.id);
        continue;
      }
      // The weights come before the row: a run that is listed has them.
      const weights = join(staging, run.id);
      if (await exists(weights)) await artifacts.adopt(adapterName(run.id), weights);
      if (!(await store.importRun(run, events, points))) known.push(run.id);
    }
    if (sweep) await sweeps.importSweep(sweep);
    return { runs: runs.map(({ run }) => run.id), sweep: sweep?.id ?? null, known };
  } catch (error) {
    if (!(error instanceof DamagedArchiveError)) throw error;
    refuse(`Expected a gzipped tar archive: ${error.message}`);
  } finally {
    await Deno.remove(staging, { recursive: true }).catch(() => {});
  }
}

/** Reads and checks all of an archive; its weights are in folders of `staging` then, a run each. */
async function read(archive: ReadableStream<Uint8Array<ArrayBuffer>>, staging: string) {
  const drafts = new Map<string, Draft>();
  const sums = new Checksums();
  let sweep: z.infer<typeof SweepFile> | undefined;
  let listed: string | undefined;
  let weights = 0;
  for await (const { name, size, bytes } of unpack(archive)) {
    if (!sums.has("manifest.json") && name !== "manifest.json") {
      refuse(`Expected manifest.json first but found "${name}"`);
    }
    if (listed !== undefined || sums.has(name)) refuse(`Expected no "${name}" here`);
    if (name === SUMS_FILE) {
      listed = await text({ name, size, bytes });
      continue;
    }
    const entry = { name, size, bytes: sums.through(name, bytes) };
    const [, id, rest] = /^runs\/([0-9a-f-]{36})\/(.+)$/.exec(name) ?? [];
    if (name === "manifest.json") {
      parse(Manifest, await json(entry), name);
    } else if (name === "sweep.json") {
      sweep = parse(SweepFile, await json(entry), name);
    } else if (id !== undefined) {
      const draft = drafts.get(id) ?? drafts.set(id, {}).get(id)!;
      const file = ADAPTER_FILES.find((name) => rest === `adapter/${name}`);
      if (file) {
        weights += size;
        if (weights > MOST_WEIGHTS) refuse(`Expected at most ${MOST_WEIGHTS} bytes of weights`);
        await stage(join(staging, id), file, entry);
      } else if (rest === "run.json") {
        draft.run = runOf(await json(entry), name);
      } else if (rest === "events.jsonl") {
        draft.events = lines(await text(entry), Event, name);
      } else if (rest === "metrics.jsonl") {
        draft.points = lines(await text(entry), MetricPoint, name);
      }
    }
    // Pictures and tables are for people: only their sums count here.
    for await (const _ of entry.bytes);
  }
  if (!sums.has("manifest.json")) refuse("Expected manifest.json but found no file");
  if (listed === undefined) refuse(`Expected ${SUMS_FILE} at the end`);
  const difference = sums.difference(listed);
  if (difference) refuse(`Expected the files that ${SUMS_FILE} lists, but ${difference}`);
  const runs = [...drafts].map(([id, draft]) => checked(id, draft));
  for (const { run_id } of sweep?.runs ?? []) {
    if (!drafts.has(run_id)) refuse(`Expected run "${run_id}" of the sweep in the archive`);
  }
  return { runs, sweep };
}

async function text(entry: ArchiveEntry): Promise<string> {
  if (entry.size > MOST_TEXT) {
    refuse(`Expected at most ${MOST_TEXT} bytes in ${entry.name} but found ${entry.size}`);
  }
  return await entryText(entry);
}

async function json(entry: ArchiveEntry): Promise<unknown> {
  return fromJson(await text(entry), entry.name);
}

function fromJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    refuse(`Expected JSON in ${where}: ${(error as Error).message}`);
  }
}

/** A run whose hash is that of its spec as it was written: defaults of another version are not in it. */
function runOf(value: unknown, where: string): Run {
  const run = parse(Run, value, where) as Run;
  const hash = specHash((value as Run).spec);
  if (run.spec_hash !== hash) {
    refuse(`In ${where}: Expected the spec_hash ${hash} but found "${run.spec_hash}"`);
  }
  return run;
}

async function stage(folder: string, name: string, { bytes }: ArchiveEntry): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  using file = await Deno.open(join(folder, name), { write: true, createNew: true });
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
  }
  await file.sync();
}

function checked(id: string, { run, events, points }: Draft) {
  if (!run || !events || !points) {
    refuse(`Expected run.json, events.jsonl and metrics.jsonl of run "${id}"`);
  }
  if (run.id !== id) refuse(`Expected id "${id}" in run.json but found "${run.id}"`);
  if (!isFinal(run.status)) refuse(`Expected runs that have ended, but "${id}" is ${run.status}`);
  if (events.some(({ seq }, index) => seq !== index + 1)) {
    refuse(`Expected the events of run "${id}" to be numbered from 1 without a gap`);
  }
  return { run, events, points };
}

function lines<T extends z.ZodType>(text: string, type: T, name: string): z.infer<T>[] {
  return text.split("\n").filter((line) => line !== "").map((line, index) => {
    const where = `${name}, line ${index + 1}`;
    return parse(type, fromJson(line, where), where);
  });
}

function parse<T extends z.ZodType>(type: T, value: unknown, where: string): z.infer<T> {
  const parsed = type.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidSpecError(
    problemsOf(type, value, parsed.error).map((problem) => ({
      ...problem,
      message: `In ${where}: ${problem.message}`,
    })),
  );
}

function refuse(message: string): never {
  throw new InvalidSpecError([{ path: "", message }]);
}
