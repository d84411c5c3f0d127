// Models and data sets from the hub, downloaded once. A model appears in its folder when all of it is
// there; a data set's files appear one by one, after a note of which they will be.

import { basename, dirname, join } from "@std/path";
import type { HubSession } from "./client.ts";
import { downloadFile } from "./download.ts";
import { type HubFile, openRepository, type Repository } from "./repository.ts";
import { splitFiles } from "./split_files.ts";

/** Where half-done downloads lie, beside the finished ones. */
const DOWNLOADS = ".downloads";
/** Which commit files are of; for a data set also which files belong to a split. */
const NOTE = ".hub.json";

/** How far a download is. */
export interface DownloadProgress {
  readonly name: string;
  readonly commit: string;
  readonly bytes: number;
  readonly total_bytes: number;
}

/** What a download is told, and tells. */
export interface FetchOptions {
  readonly session: HubSession;
  readonly onProgress: (progress: DownloadProgress) => void;
}

/** Files beside the weights that a run reads, or that say what may be done with them. */
const MODEL_FILES =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|chat_template)\.json$|^chat_template\.jinja$|^(LICENSE|NOTICE|USE_POLICY)/;
const INDEX = "model.safetensors.index.json";

/**
 * Downloads a model to `models/OWNER/NAME`, or `…@REVISION`, unless it is there.
 *
 * @param check looks at config.json before the weights are asked for; throws where they are of no use.
 * @throws {RangeError} if the hub has no such model for us, or no weights that can be read.
 */
export async function fetchModel(
  name: string,
  models: string,
  check: (config: unknown) => Promise<void>,
  { session, onProgress }: FetchOptions,
): Promise<void> {
  const target = join(models, name);
  const work = join(models, DOWNLOADS, name.replace("/", "--"));
  await locked(work, async () => {
    if (await exists(join(target, "config.json"))) return;
    const repository = await openRepository("model", name, session);
    const folder = join(work, repository.commit);
    const report = progressOf(repository, onProgress);
    const download = async (files: readonly HubFile[]) => {
      for (const file of files) {
        await downloadFile(repository, file, join(folder, file.path), {
          session,
          parts: work,
          onBytes: report.add,
        });
      }
    };
    const small = repository.files.filter(({ path }) => path === INDEX || MODEL_FILES.test(path));
    const config = small.find(({ path }) => path === "config.json");
    if (!config) {
      throw new RangeError(`Cannot download "${name}": it has no config.json: expected a model`);
    }
    report.total(small);
    await download([config]);
    await check(await readJson(join(folder, "config.json"), name));
    await download(small.filter((file) => file !== config));
    const weights = await weightFiles(repository, folder);
    report.total([...small, ...weights]);
    await download(weights);
    report.done();
    await Deno.mkdir(dirname(target), { recursive: true });
    await writeNote(folder, { commit: repository.commit });
    await Deno.rename(folder, target);
    await syncFolder(dirname(target));
    await Deno.remove(work, { recursive: true });
  });
}

/** The files that hold the weights: those that the index names, or the one that needs none. */
async function weightFiles(repository: Repository, folder: string): Promise<HubFile[]> {
  const { name, files } = repository;
  const find = (path: string) => {
    const file = files.find((each) => each.path === path);
    if (file) return file;
    throw new RangeError(`Cannot download "${name}": expected ${path} among its files`);
  };
  if (!files.some(({ path }) => path === INDEX)) return [find("model.safetensors")];
  const index = await readJson(join(folder, INDEX), name) as { weight_map?: unknown } | null;
  const shards = Object.values(index?.weight_map ?? {});
  if (shards.length === 0 || !shards.every((shard) => typeof shard === "string")) {
    throw new RangeError(`Cannot download "${name}": expected "weight_map" in ${INDEX}`);
  }
  return [...new Set(shards as string[])].sort().map(find);
}

/** What is noted beside files from the hub. */
interface Note {
  readonly commit: string;
}

/** What is noted beside a data set's files. */
interface DatasetNote extends Note {
  readonly splits: Readonly<Record<string, readonly { path: string; bytes: number }[]>>;
}

/** The commit that a model's or a data set's folder holds; undefined where it did not come from the hub. */
export async function commitOf(folder: string): Promise<string | undefined> {
  return (await readNote(folder))?.commit;
}

/**
 * Downloads the files of a data set's split to `datasets/OWNER/NAME`, unless they are there. A folder
 * without a note is its owner's and stays as it is.
 *
 * @throws {RangeError} if the hub has no such data set for us, or no files of that split.
 */
export async function fetchDataset(
  name: string,
  split: string,
  datasets: string,
  { session, onProgress }: FetchOptions,
): Promise<void> {
  const target = join(datasets, name);
  const work = join(datasets, DOWNLOADS, name.replace("/", "--"));
  await locked(work, async () => {
    const note = await readNote(target) as DatasetNote | undefined;
    if (note === undefined && await exists(target)) return;
    if (note && await isComplete(target, note.splits[split])) return;
    const repository = await openRepository("dataset", name, session);
    const paths = splitFiles(name, split, repository.files.map(({ path }) => path));
    if (paths.length === 0) throw noSplit(repository, split);
    const files = repository.files.filter(({ path }) => paths.includes(path));
    const report = progressOf(repository, onProgress);
    report.total(files);
    // Another commit's files are not mixed with these.
    if (note && note.commit !== repository.commit) await Deno.remove(target, { recursive: true });
    const kept = note?.commit === repository.commit ? note.splits : {};
    const noted = files.map(({ path, bytes }) => ({ path, bytes }));
    await writeNote(target, {
      commit: repository.commit,
      splits: { ...kept, [split]: noted },
    });
    for (const file of files) {
      await downloadFile(repository, file, join(target, file.path), {
        session,
        parts: work,
        onBytes: report.add,
      });
    }
    report.done();
    await Deno.remove(work, { recursive: true });
  });
}

/** Whether a split was downloaded in part only: its files must not be read before the rest is there. */
export async function isHalfDownloaded(
  name: string,
  split: string,
  datasets: string,
): Promise<boolean> {
  const target = join(datasets, name);
  const note = await readNote(target) as DatasetNote | undefined;
  return note !== undefined && !(await isComplete(target, note.splits[split]));
}

function noSplit({ name, files }: Repository, split: string): RangeError {
  const rows = files.map(({ path }) => path).filter((path) => /\.(parquet|jsonl)/.test(path));
  const some = rows.slice(0, 10).join(", ");
  return new RangeError(
    `Cannot download split "${split}" of "${name}": expected one of the splits in ` +
      `${some || "files that end in .parquet or .jsonl, of which it has none"}`,
  );
}

async function isComplete(target: string, files: DatasetNote["splits"][string] | undefined) {
  if (files === undefined) return false;
  for (const { path, bytes } of files) {
    const found = await Deno.stat(join(target, path)).catch(() => undefined);
    if (found?.size !== bytes) return false;
  }
  return true;
}

async function readNote(target: string): Promise<Note | undefined> {
  const path = join(target, NOTE);
  return await exists(path) ? JSON.parse(await Deno.readTextFile(path)) : undefined;
}

async function writeNote(target: string, note: Note | DatasetNote): Promise<void> {
  await Deno.mkdir(target, { recursive: true });
  const temporary = join(target, `${NOTE}.${crypto.randomUUID()}.tmp`);
  await Deno.writeTextFile(temporary, JSON.stringify(note));
  {
    using file = await Deno.open(temporary, { read: true });
    await file.sync();
  }
  await Deno.rename(temporary, join(target, NOTE));
  await syncFolder(target);
}

function progressOf({ name, commit }: Repository, tell: FetchOptions["onProgress"]) {
  let bytes = 0, total = 0;
  const show = () => tell({ name, commit, bytes, total_bytes: total });
  return {
    total(files: readonly HubFile[]) {
      total = files.reduce((sum, file) => sum + file.bytes, 0);
    },
    add(more: number) {
      bytes += more;
      if (more !== 0) show();
    },
    done: show,
  };
}

/** Runs `body` while no other process downloads the same. */
async function locked(work: string, body: () => Promise<void>): Promise<void> {
  const folder = dirname(work);
  await Deno.mkdir(folder, { recursive: true });
  const path = join(folder, `${basename(work)}.lock`);
  using lock = await Deno.open(path, { create: true, write: true });
  await lock.lock(true);
  await body();
}

async function readJson(path: string, name: string): Promise<unknown> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    throw new SyntaxError(
      `Cannot read ${basename(path)} of "${name}": ${(error as Error).message}`,
    );
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  using folder = await Deno.open(path, { read: true });
  await folder.sync();
}
