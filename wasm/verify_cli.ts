// `deno task verify`: the verdict of POST /v1/verify on a terminal.

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { verify, verifyBatch, type VerifyItem } from "./verify.ts";

const USAGE = `Usage: deno task verify GOLD PREDICTION [--options JSON]
       deno task verify --jsonl FILE

  GOLD         the right answer: a formula such as '$\\frac12$', or a solution
  PREDICTION   what a model wrote
  --options    for the call, such as '{"precision":3}'
  --jsonl      lines of {"gold","prediction","options"?}; prints one verdict a line`;

/** What the command line asks for; bad input is a TypeError that says what to change. */
export function parseRequest(args: string[]): { help: boolean; file?: string; item?: VerifyItem } {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      jsonl: { type: "string" },
      options: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return { help: true };
  if (values.jsonl !== undefined) {
    if (positionals.length > 0) {
      throw new TypeError(
        "Cannot verify: --jsonl was given with answers, expected one or the other",
      );
    }
    return { help: false, file: values.jsonl };
  }
  const [gold, prediction] = positionals;
  if (gold === undefined || prediction === undefined || positionals.length > 2) {
    throw new TypeError(
      `Cannot verify: ${positionals.length} answers were given, expected GOLD and PREDICTION`,
    );
  }
  const item: VerifyItem = { gold, prediction };
  if (values.options !== undefined) item.options = parse(values.options, "--options");
  return { help: false, item };
}

function parse<T>(json: string, where: string): T {
  try {
    return JSON.parse(json);
  } catch {
    throw new TypeError(`Cannot verify: ${where} is no valid JSON`);
  }
}

/** Verdicts of the lines of a file, a thousand at a time. */
async function* verdicts(file: string): AsyncGenerator<string> {
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity });
  let batch: VerifyItem[] = [];
  const flush = () => {
    const out = verifyBatch(batch).map((verdict) => JSON.stringify(verdict));
    batch = [];
    return out;
  };
  let number = 0;
  for await (const line of lines) {
    number++;
    if (line.trim() === "") continue;
    const row = parse<Record<string, unknown>>(line, `line ${number} of ${file}`);
    if (typeof row?.gold !== "string" || typeof row.prediction !== "string") {
      throw new TypeError(
        `Cannot verify: line ${number} of ${file} lacks "gold" or "prediction", expected two texts`,
      );
    }
    const { gold, prediction, options } = row as unknown as VerifyItem;
    batch.push({ gold, prediction, ...(options && { options }) });
    if (batch.length === 1000) yield* flush();
  }
  yield* flush();
}

/** Runs the command; the exit status is 2 for bad input. */
async function main(args: string[]): Promise<number> {
  try {
    const { help, file, item } = parseRequest(args);
    if (help) {
      console.log(USAGE);
    } else if (file !== undefined) {
      for await (const line of verdicts(file)) console.log(line);
    } else if (item) {
      const verdict = verify(item.gold, item.prediction, item.options);
      if (verdict.error?.startsWith("Cannot read")) throw new TypeError(verdict.error);
      console.log(JSON.stringify(verdict, null, 2));
    }
    return 0;
  } catch (error) {
    console.error((error instanceof Error ? error.message : String(error)).split("\n")[0]);
    return 2;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
