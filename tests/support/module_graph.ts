// Who imports whom: every module of the project with its imports, read from the sources.

import { dirname, join, relative } from "@std/path";

/** One import. */
export interface Import {
  /** The importing file, from the project's root. */
  readonly from: string;
  /** The imported file from the root, or a package's name as it is written. */
  readonly to: string;
  /** True where only types are imported: nothing of it runs. */
  readonly typeOnly: boolean;
  /** True for a file of the project. */
  readonly local: boolean;
}

const STATEMENT =
  /(?:^|[\n;])\s*(?:import|export)\s+(type\s+)?(?:([^"';]*?)\s*from\s*)?["']([^"'\n]+)["']/g;
// A path with ${…} in it is not known before it runs.
const DYNAMIC = /\bimport\(\s*["'`]([^"'`\n$]+)["'`]/g;
const URL_OF = /new URL\(\s*["'`](\.[^"'`\n$]+)["'`]\s*,\s*import\.meta\.url/g;

/** Files below folders of `root` whose names end in one of `endings`, from the root, sorted. */
export function filesIn(
  root: string,
  folders: readonly string[],
  endings: readonly string[],
): string[] {
  const found: string[] = [];
  const visit = (folder: string) => {
    for (const entry of Deno.readDirSync(join(root, folder))) {
      const path = join(folder, entry.name);
      if (entry.isDirectory && !["target", "node_modules"].includes(entry.name)) visit(path);
      else if (endings.some((ending) => entry.name.endsWith(ending))) found.push(path);
    }
  };
  for (const folder of folders) visit(folder);
  return found.sort();
}

/** The imports of one file. */
export function importsOf(root: string, file: string): Import[] {
  const source = withoutComments(Deno.readTextFileSync(join(root, file)));
  const found: Import[] = [];
  const add = (specifier: string, typeOnly: boolean) => {
    const local = specifier.startsWith(".");
    const target = local ? relative(root, join(root, dirname(file), specifier)) : specifier;
    found.push({ from: file, to: target, typeOnly, local });
  };
  for (const [, type, names = "", specifier] of source.matchAll(STATEMENT)) {
    add(specifier!, type !== undefined || allTypes(names));
  }
  for (const [, specifier] of source.matchAll(DYNAMIC)) add(specifier!, false);
  for (const [, specifier] of source.matchAll(URL_OF)) add(specifier!, false);
  return found;
}

/** Files that are reached from `roots`. */
export function reachable(roots: readonly string[], imports: readonly Import[]): Set<string> {
  const targets = Map.groupBy(imports.filter(({ local }) => local), ({ from }) => from);
  const seen = new Set<string>();
  const waiting = [...roots];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const { to } of targets.get(file) ?? []) waiting.push(to);
  }
  return seen;
}

// { type A, type B } imports nothing that runs.
function allTypes(names: string): boolean {
  const inside = names.match(/^\{([\s\S]*)\}$/)?.[1];
  if (inside === undefined) return false;
  return inside.split(",").filter((name) => name.trim() !== "").every((name) =>
    /^\s*type\s/.test(name)
  );
}

// Only whole-line comments: a string may hold "//".
function withoutComments(source: string): string {
  return source.replace(/^\s*\/\*[\s\S]*?\*\//gm, "").replace(/^\s*\/\/.*$/gm, "");
}
