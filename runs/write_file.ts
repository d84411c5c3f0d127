// Files that are there whole or not at all, whatever happens to the process or the machine.

import { basename, dirname, join } from "@std/path";

/** Writes a file: temporary name, fsync, rename, fsync of the folder. */
export async function writeFileAtomically(
  path: string,
  data: Uint8Array | string,
): Promise<void> {
  const folder = dirname(path);
  await Deno.mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${basename(path)}.${crypto.randomUUID()}.tmp`);
  await writeSynced(temporary, typeof data === "string" ? new TextEncoder().encode(data) : data);
  await Deno.rename(temporary, path);
  await syncFolder(folder);
}

/** Writes a folder of files in one rename. A folder that is already there stays as it is. */
function writeFolderAtomically(
  path: string,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  return fillFolderAtomically(path, async (folder) => {
    for (const [name, data] of files) await Deno.writeFile(join(folder, name), data);
  });
}

/**
 * Like {@linkcode writeFolderAtomically}, but a folder that is there and holds anything else is replaced:
 * it is damaged, or somebody wrote it who had no right to.
 */
export async function replaceFolderAtomically(
  path: string,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  if (await exists(path)) {
    if (await holds(path, files)) return;
    await Deno.remove(path, { recursive: true });
  }
  await writeFolderAtomically(path, files);
}

async function holds(path: string, files: ReadonlyMap<string, Uint8Array>): Promise<boolean> {
  for (const [name, data] of files) {
    const file = join(path, name);
    if (!(await exists(file))) return false;
    const there = await Deno.readFile(file);
    if (there.length !== data.length || there.some((byte, i) => byte !== data[i])) return false;
  }
  return true;
}

/** Removes what a killed process left of the files and folders called `name` in `folder`, or of any. */
export async function removeTemporaries(folder: string, name = ""): Promise<void> {
  if (!(await exists(folder))) return;
  for await (const entry of Deno.readDir(folder)) {
    if (!entry.name.startsWith(`.${name}`) || !TEMPORARY.test(entry.name)) continue;
    await Deno.remove(join(folder, entry.name), { recursive: true });
  }
}

const TEMPORARY = /^\..+\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;

/**
 * Makes a folder in one rename once `fill` has written its files. A folder that is already there stays as it
 * is; where `fill` fails nothing is left.
 */
export async function fillFolderAtomically(
  path: string,
  fill: (folder: string) => Promise<void>,
): Promise<void> {
  const parent = dirname(path);
  await Deno.mkdir(parent, { recursive: true });
  const temporary = join(parent, `.${basename(path)}.${crypto.randomUUID()}.tmp`);
  await Deno.mkdir(temporary);
  try {
    await fill(temporary);
    for await (const { name } of Deno.readDir(temporary)) await syncFolder(join(temporary, name));
    await syncFolder(temporary);
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary, { recursive: true });
    // ENOTEMPTY: an earlier attempt finished the same folder.
    if (!(await exists(path))) throw error;
  }
  await syncFolder(parent);
}

/** True if something has this path. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    const { NotFound, NotADirectory, FilesystemLoop } = Deno.errors;
    if ([NotFound, NotADirectory, FilesystemLoop].some((kind) => error instanceof kind)) {
      return false;
    }
    throw error;
  }
}

async function writeSynced(path: string, data: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  for (let at = 0; at < data.length;) at += await file.write(data.subarray(at));
  await file.sync();
}

/** Waits until a file, or what was renamed or made in a folder, is on the disk. */
export async function syncFolder(path: string): Promise<void> {
  using opened = await Deno.open(path, { read: true });
  await opened.sync();
}
