// `deno task data:problems`: the problems of a dataset as reinforcement learning sees them, one JSON
// object a line: prompt, gold answer, level, topic.
//
//   deno task data:problems NAME|FILE [--split train|test] [--limit N]

import { basename, dirname, resolve } from "@std/path";
import { parseArgs } from "node:util";
import { isRowFile } from "./files/row_file.ts";
import { loadProblems } from "./problems.ts";

const USAGE = "Usage: deno task data:problems NAME|FILE [--split NAME] [--limit N]";

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { split: { type: "string" }, limit: { type: "string" } },
  });
  const [source] = positionals;
  const limit = values.limit === undefined ? undefined : Number(values.limit);
  if (source === undefined || positionals.length > 1) throw new TypeError(USAGE);
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1)) {
    throw new RangeError(`Cannot list problems: --limit is "${values.limit}", expected ≥ 1`);
  }
  const isFile = isRowFile(source);
  const path = resolve(source);
  const problems = await loadProblems(
    isFile ? { file: basename(path), limit } : { name: source, split: values.split, limit },
    { purpose: "train", folder: isFile ? dirname(path) : "" },
  );
  for (const problem of problems!) console.log(JSON.stringify(problem));
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(2);
  }
}
