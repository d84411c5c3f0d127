// Copies a data folder while it is in use, and puts such a copy back.
//
//   deno task backup DIR     NOREGRET_HOME → DIR, which must not be there yet
//   deno task restore DIR    DIR → NOREGRET_HOME, which must be empty or not there
//
// Both write under temporary names and rename: DIR is whole or not there, and a NOREGRET_HOME that is a mount
// point of its own has a database when everything else is in its place.

import { basename, dirname, join } from "@std/path";
import { backup as copyDatabase, DatabaseSync } from "node:sqlite";
import { type HomePaths, homePaths, readConfiguration } from "./configuration.ts";
import { exists, removeTemporaries, syncFolder } from "./write_file.ts";

/** Folders of a data folder, those first that must be no newer than the database. */
const BEFORE: readonly (keyof HomePaths)[] = ["checkpoints"];
const AFTER: readonly (keyof HomePaths)[] = [
  "adapters",
  "models",
  "datasets",
  "figures",
  "tensorboard",
];

/** The name under which a backup comes into a data folder. */
const RESTORING = "restoring";

/**
 * Copies the data folder `home` to `out`.
 *
 * Checkpoints come before the database: a run goes on from a checkpoint and makes the points behind it
 * anew, but nobody makes points that a newer checkpoint has left behind. What the rows name comes after
 * it: it is written before its row.
 *
 * @throws {RangeError} if there is nothing to copy, or `out` is there already.
 */
export async function backup(home: string, out: string): Promise<void> {
  if (await exists(out)) throw new RangeError(`Cannot back up to ${out}: it is there already`);
  const from = homePaths(home), temporary = temporaryName(out), to = homePaths(temporary);
  if (!(await exists(from.database))) {
    throw new RangeError(`Cannot back up ${home}: there is no ${from.database}`);
  }
  try {
    await Deno.mkdir(temporary, { recursive: true });
    for (const name of BEFORE) await copyFolder(from[name], to[name]);
    const database = new DatabaseSync(from.database, { timeout: 10_000 });
    await copyDatabase(database, to.database);
    database.close();
    for (const name of AFTER) await copyFolder(from[name], to[name]);
    checkDatabase(to.database);
    await putInPlace(temporary, out);
  } finally {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
  }
}

/**
 * Copies a backup to the data folder `home`. Runs that trained when it was made go on from their last
 * checkpoint.
 *
 * @throws {RangeError} if `backup` is none, is damaged, or there is something in `home`.
 */
export async function restore(backup: string, home: string): Promise<void> {
  const { database } = homePaths(backup);
  if (!(await exists(database))) {
    throw new RangeError(`Cannot restore ${backup}: there is no ${database}`);
  }
  await removeTemporaries(home, RESTORING);
  if (await exists(home)) {
    for await (const { name } of Deno.readDir(home)) {
      // What a volume's file system begins with.
      if (name === "lost+found") continue;
      throw new RangeError(`Cannot restore to ${home}: it holds "${name}", expected nothing`);
    }
  }
  checkDatabase(database);
  await Deno.mkdir(home, { recursive: true });
  const temporary = join(home, `.${RESTORING}.${crypto.randomUUID()}.tmp`);
  try {
    await copyFolder(backup, temporary);
    const names = [...Deno.readDirSync(temporary)].map(({ name }) => name);
    const last = basename(database);
    for (const name of [...names.filter((each) => each !== last), last]) {
      await Deno.rename(join(temporary, name), join(home, name));
    }
    await syncFolder(home);
  } finally {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
  }
}

function temporaryName(path: string): string {
  return `${path.replace(/\/+$/, "")}.${crypto.randomUUID()}.tmp`;
}

async function putInPlace(temporary: string, path: string): Promise<void> {
  await syncFolder(temporary);
  await Deno.rename(temporary, path);
  await syncFolder(dirname(path));
}

// Whole files only: what has a temporary name is being written. A file that goes away meanwhile, such as
// an old checkpoint, is not part of the copy.
async function copyFolder(from: string, to: string): Promise<void> {
  if (!(await exists(from))) return;
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(from)) {
    if (name.endsWith(".tmp")) continue;
    try {
      if (isDirectory) await copyFolder(join(from, name), join(to, name));
      else if (isSymlink) await Deno.symlink(await Deno.readLink(join(from, name)), join(to, name));
      else await copyFile(join(from, name), join(to, name));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      await Deno.remove(join(to, name), { recursive: true }).catch(() => {});
    }
  }
  await syncFolder(to);
}

async function copyFile(from: string, to: string): Promise<void> {
  await Deno.copyFile(from, to);
  using file = await Deno.open(to, { read: true, write: true });
  await file.sync();
}

function checkDatabase(path: string): void {
  const database = new DatabaseSync(path);
  try {
    const row = database.prepare("PRAGMA integrity_check").get() as { integrity_check: string };
    if (row.integrity_check !== "ok") {
      throw new RangeError(`Cannot use ${path}: it is damaged: ${row.integrity_check}`);
    }
  } finally {
    database.close();
  }
}

async function main([command, folder, ...rest]: string[]): Promise<number> {
  try {
    const { home, databaseUrl } = readConfiguration();
    if ((command !== "backup" && command !== "restore") || !folder || rest.length > 0) {
      throw new RangeError("Usage: deno task backup DIR, or deno task restore DIR");
    }
    if (databaseUrl !== undefined) {
      throw new RangeError(
        `Cannot ${command} a PostgreSQL database: take pg_dump for it, and a copy of NOREGRET_HOME ` +
          "whose checkpoints are no newer",
      );
    }
    if (command === "backup") await backup(home, folder);
    else await restore(folder, home);
    console.log(command === "backup" ? `${home} → ${folder}` : `${folder} → ${home}`);
    return 0;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(error.message);
    return 2;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
