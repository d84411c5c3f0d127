// Which files of a downloaded data set are a split's, by the names that the hub's users give them:
// data/train-00000-of-00006.parquet, main/test-00000-of-00001.parquet, train.jsonl.

import { join } from "@std/path";
import { DATASETS } from "../datasets.ts";
import { isRowFile } from "../files/row_file.ts";
import { isRepositoryId, withoutRevision } from "./repository_id.ts";

/**
 * The files of a split among `paths`, sorted. A registered data set may be read from one folder of its
 * repository only.
 *
 * @throws {RangeError} if the split's files are in several folders: each is a data set of its own.
 */
export function splitFiles(name: string, split: string, paths: readonly string[]): string[] {
  const from = DATASETS.get(withoutRevision(name))?.folder;
  const found = paths.filter((path) => {
    const slash = path.lastIndexOf("/");
    const folder = path.slice(0, Math.max(slash, 0));
    if (from !== undefined && folder !== from) return false;
    if (!isRowFile(path)) return false;
    const base = path.slice(slash + 1);
    return new RegExp(`^${RegExp.escape(split)}[-.]`).test(base) ||
      folder.split("/").at(-1) === split;
  }).sort();
  const folders = new Set(found.map((path) => path.slice(0, Math.max(path.lastIndexOf("/"), 0))));
  if (folders.size > 1) {
    throw new RangeError(
      `Cannot read split "${split}" of "${name}": it is in ${folders.size} folders (${
        [...folders].join(", ")
      }), expected one: name a file as { "file": … }`,
    );
  }
  return found;
}

/**
 * The files of a split that lie in the datasets folder, relative to the data set's own folder; none
 * for what is no repository's name.
 */
export async function datasetFiles(
  datasets: string,
  name: string,
  split: string,
): Promise<string[]> {
  if (!isRepositoryId(name)) return [];
  const root = join(datasets, name);
  const paths: string[] = [];
  const visit = async (prefix: string) => {
    for await (const entry of Deno.readDir(join(root, prefix))) {
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory) await visit(`${prefix}${entry.name}/`);
      else paths.push(prefix + entry.name);
    }
  };
  try {
    await visit("");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return splitFiles(name, split, paths);
}
