// Artifacts on the local disk: the folders of the data folder itself.

import { basename, dirname, join } from "@std/path";
import { exists, removeTemporaries, replaceFolderAtomically, syncFolder } from "../write_file.ts";
import type { ArtifactStore, OpenFolder, StoredFolder } from "./artifact_store.ts";

/** A store in a data folder. */
export function localArtifacts(home: string): ArtifactStore {
  return new LocalArtifacts(home);
}

class LocalArtifacts implements ArtifactStore {
  readonly shared = false;

  constructor(readonly home: string) {}

  put(name: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
    return replaceFolderAtomically(join(this.home, name), files);
  }

  async adopt(name: string, folder: string): Promise<void> {
    const path = join(this.home, name);
    if (await exists(path)) return;
    await syncFolder(folder);
    await Deno.mkdir(dirname(path), { recursive: true });
    try {
      await Deno.rename(folder, path);
    } catch (error) {
      // ENOTEMPTY: somebody stored the same in between.
      if (!(await exists(path))) throw error;
    }
    await syncFolder(dirname(path));
  }

  async list(parent: string): Promise<StoredFolder[]> {
    const folder = join(this.home, parent);
    if (!(await exists(folder))) return [];
    const found: StoredFolder[] = [];
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      // A leading dot: it is being written.
      if (!isDirectory || name.startsWith(".")) continue;
      const files = await this.files(`${parent}/${name}`);
      const info = await statOrGone(join(folder, name));
      if (files === undefined || info === undefined) continue;
      const bytes = [...files.values()].reduce((sum, size) => sum + size, 0);
      found.push({ name, bytes, created: info.mtime ?? new Date(0) });
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async files(name: string): Promise<ReadonlyMap<string, number> | undefined> {
    const folder = join(this.home, name);
    if (!(await exists(folder))) return undefined;
    const files = new Map<string, number>();
    for await (const { name: file, isFile } of Deno.readDir(folder)) {
      const info = isFile ? await statOrGone(join(folder, file)) : undefined;
      if (info) files.set(file, info.size);
    }
    return files;
  }

  async read(name: string, file: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    return (await Deno.open(join(this.home, name, file), { read: true })).readable;
  }

  async open(name: string): Promise<OpenFolder | undefined> {
    const path = join(this.home, name);
    if (!(await exists(path))) return undefined;
    return { path, [Symbol.asyncDispose]: () => Promise.resolve() };
  }

  async remove(name: string): Promise<void> {
    try {
      await Deno.remove(join(this.home, name), { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async setAside(name: string): Promise<void> {
    const path = join(this.home, name), aside = `${path}.damaged`;
    await Deno.remove(aside, { recursive: true }).catch(() => {});
    await Deno.rename(path, aside);
  }

  tidy(start: string): Promise<void> {
    return removeTemporaries(join(this.home, dirname(start)), basename(start));
  }

  // The data folder is checked by whoever uses it.
  check(): Promise<void> {
    return Promise.resolve();
  }
}

// An old checkpoint may go away while it is looked at.
async function statOrGone(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
