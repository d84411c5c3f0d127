// Makes one binary that serves, works and draws, with no file beside it: `deno task compile [--output FILE]`.
// Deno downloads the runtime that it appends the program to; DENORT_BIN names one that is at hand.

import { join } from "@std/path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What the program opens as files or starts as a Web Worker: no import leads there. */
export const EMBEDDED = [
  "wasm/pkg",
  "data/models",
  "data/samples",
  "experiments/plot/fonts",
  "compute/backend/cpu/worker.ts",
];

/** Deno's arguments. */
export async function compileArguments(args: readonly string[]): Promise<string[]> {
  const output = args.includes("--output") ? [] : ["--output", "noregret"];
  return [
    "compile",
    "-A",
    // The server's packages only, not those of tests.
    "--exclude-unused-npm",
    ...EMBEDDED.flatMap((path) => ["--include", path]),
    ...(await unwanted()).flatMap((path) => ["--exclude", path]),
    ...output,
    ...args,
    "main.ts",
  ];
}

// Deno 2.9.6 overflows its stack over the test data of bintrees, which prom-client brings along.
async function unwanted(): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout));
  const found: string[] = [];
  for await (const registry of Deno.readDir(npmCache)) {
    const folder = join(npmCache, registry.name, "bintrees");
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) found.push(join(folder, name, "test"));
    }
  }
  return found;
}

if (import.meta.main) {
  const args = await compileArguments(Deno.args);
  const { code } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).spawn().status;
  Deno.exit(code);
}
