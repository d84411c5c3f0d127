// `deno task data:inspect`: decoded examples of a data set with the loss mask in colour.

import { basename, dirname, resolve } from "@std/path";
import { parseArgs } from "node:util";
import { withoutRevision } from "../../data/hub/repository_id.ts";
import { DATASETS } from "../../data/datasets.ts";
import { isRowFile } from "../../data/files/row_file.ts";
import { inspectRows } from "../../data/inspect.ts";
import { datasetRows } from "../../data/load.ts";
import { modelTokenizer } from "../../data/model_tokenizer.ts";
import { homePaths, readConfiguration } from "../configuration.ts";
import { exists } from "../write_file.ts";
import { inputMessage, listModels } from "./stored_models.ts";

const USAGE = `Usage: deno task data:inspect DATASET [options]

  DATASET            a name, or a file: .jsonl, .jsonl.gz, .jsonl.zst, .parquet
  --model NAME       whose tokeniser and chat template (default: noregret/tiny)
  --rows N           rows to show (default: 5)
  --split NAME       of a named data set (default: train)
  --max-length N     tokens of a sequence (default: 512)
  --all-tokens       count prompts too
  --columns A=B,…    their names of our columns: prompt=instruction,completion=output

What the loss counts is green; with NO_COLOR, or into a file, it stands between ⟦ and ⟧.`;

const TEXT = { type: "string" } as const;

/** Runs the command; returns its exit code. */
async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      model: { ...TEXT, default: "noregret/tiny" },
      rows: { ...TEXT, default: "5" },
      split: TEXT,
      "max-length": { ...TEXT, default: "512" },
      "all-tokens": { type: "boolean", default: false },
      columns: TEXT,
      help: { type: "boolean", default: false },
    },
  });
  const [source] = positionals;
  if (values.help || source === undefined || positionals.length > 1) {
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
  const paths = homePaths(readConfiguration().home);
  const limit = count("--rows", values.rows);
  const maxLength = count("--max-length", values["max-length"]);
  const columns = columnsOf(values.columns) ?? DATASETS.get(withoutRevision(source))?.columns;
  const models = await listModels(paths.models);
  const model = models.find(({ name }) => name === values.model);
  if (!model) {
    const names = models.map(({ name }) => `"${name}"`).join(", ");
    throw new RangeError(`Cannot find model "${values.model}": expected one of ${names}`);
  }
  // A file of the working folder, or one of the datasets folder.
  const isFile = isRowFile(source);
  const here = isFile && await exists(source);
  const folder = here ? dirname(resolve(source)) : paths.datasets;
  const name = here ? basename(source) : source;
  const found = await datasetRows(
    isFile ? { file: name, limit, columns } : { name, split: values.split, limit, columns },
    { purpose: "train", folder },
  );
  const report = inspectRows(found!.rows.slice(0, limit), (index) => `${name}, row ${index + 1}`, {
    tokenizer: await modelTokenizer(model.folder),
    maxLength,
    completionOnly: !values["all-tokens"],
    columns,
    colour: !Deno.noColor && Deno.stdout.isTerminal(),
  });
  console.log(report);
  return 0;
}

function count(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new RangeError(`Cannot read ${option}: found "${text}", expected an integer ≥ 1`);
}

function columnsOf(text: string | undefined): Record<string, string> | undefined {
  if (text === undefined) return undefined;
  return Object.fromEntries(
    text.split(",").map((pair) => {
      const [ours, theirs, ...rest] = pair.split("=");
      if (ours && theirs && rest.length === 0) return [ours, theirs];
      throw new RangeError(`Cannot read --columns: found "${pair}", expected OURS=THEIRS`);
    }),
  );
}

if (import.meta.main) {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    console.error(`data:inspect: ${inputMessage(error).split("\n")[0]} (see --help)`);
    Deno.exitCode = 2;
  }
}
