// Names come from clients, files from the folder's owner; between the two stand links. A name reaches
// what lies in its folder, and nothing else.

import { sep } from "@std/path";

/**
 * The real path of `path`, links followed, if that is below `folder`. Undefined where nothing is there,
 * where a link leads nowhere or round in a circle, and where it leads out of the folder.
 */
export async function realPathBelow(folder: string, path: string): Promise<string | undefined> {
  try {
    const [base, real] = await Promise.all([Deno.realPath(folder), Deno.realPath(path)]);
    return real.startsWith(base + sep) ? real : undefined;
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
      error instanceof Deno.errors.FilesystemLoop
    ) return undefined;
    throw error;
  }
}

/** {@linkcode realPathBelow} of a regular file. */
export async function realFileBelow(folder: string, path: string): Promise<string | undefined> {
  const real = await realPathBelow(folder, path);
  return real !== undefined && (await Deno.stat(real)).isFile ? real : undefined;
}
