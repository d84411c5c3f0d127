// The files of served figures: in the data folder, and, where hosts share a store of artifacts, in there,
// so that whichever host is asked knows what was asked of another and what it drew.

import { basename, join } from "@std/path";
import type { Places } from "../runs/places.ts";
import { exists, writeFileAtomically } from "../runs/write_file.ts";

/** A file's text; undefined where there is none. */
export async function readFigureFile(
  name: string,
  { paths, artifacts }: Places,
): Promise<string | undefined> {
  if (artifacts.shared) {
    if (await artifacts.files(artifactName(name)) === undefined) return undefined;
    return await new Response(await artifacts.read(artifactName(name), name)).text();
  }
  const path = join(paths.figures, name);
  return await exists(path) ? await Deno.readTextFile(path) : undefined;
}

/** Writes a file. */
export async function writeFigureFile(name: string, text: string, places: Places): Promise<void> {
  const path = join(places.paths.figures, name);
  await writeFileAtomically(path, text);
  await shareFigureFiles([path], places);
}

/** Puts files that were written here where the other hosts find them. */
export async function shareFigureFiles(
  paths: readonly string[],
  { artifacts }: Places,
): Promise<void> {
  if (!artifacts.shared) return;
  for (const path of paths) {
    const name = basename(path);
    await artifacts.put(artifactName(name), new Map([[name, await Deno.readFile(path)]]));
  }
}

/** Removes a file. */
export async function removeFigureFile(name: string, { paths, artifacts }: Places): Promise<void> {
  if (artifacts.shared) await artifacts.remove(artifactName(name));
  await Deno.remove(join(paths.figures, name)).catch((error) => {
    // Another host wrote it.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

function artifactName(name: string): string {
  return `figures/${name}`;
}
