// Whether a data set's size shows in memory: writes a file, streams batches out of it, and prints the
// resident memory as it goes, one JSON line at the end. The file is written by another process, so that
// what that takes is not counted.
//
//   deno task bench:data [--format jsonl|parquet] [--gigabytes 2] [--steps 2000]

import { join } from "@std/path";
import type { SchemaElement } from "hyparquet";
import { fileWriter, ParquetWriter } from "hyparquet-writer";
import { parseArgs } from "node:util";
import { isStream, openExamples } from "../data/load.ts";
import { Loader } from "../data/loader.ts";

const WORDS = "alpha beta gamma delta epsilon theta lambda sigma omega a the of and".split(" ");
const MAX_LENGTH = 2048;
const BATCH_SIZE = 32;

/** Rows that are made at once: a row group of parquet. */
const GROUP_ROWS = 1000;

function words(count: number, from: number): string {
  return Array.from({ length: count }, (_, i) => WORDS[(from * 7 + i * i) % WORDS.length])
    .join(" ");
}

/** Rows of 100 bytes to 3 kB. */
function group(first: number): { prompt: string; completion: string }[] {
  return Array.from({ length: GROUP_ROWS }, (_, i) => {
    const row = first + i;
    return { prompt: words(5 + row % 50, row), completion: words(20 + row % 400, row + 1) };
  });
}

async function writeJsonl(path: string, bytes: number): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  const encoder = new TextEncoder();
  for (let written = 0, row = 0; written < bytes; row += GROUP_ROWS) {
    const lines = group(row).map((value) => `${JSON.stringify(value)}\n`);
    const chunk = encoder.encode(lines.join(""));
    for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
    written += chunk.length;
  }
}

// Not compressed: the file is as large as its rows.
async function writeParquet(path: string, bytes: number): Promise<void> {
  const writer = fileWriter(path);
  const schema = ["prompt", "completion"].map((name): SchemaElement => ({
    name,
    type: "BYTE_ARRAY",
    converted_type: "UTF8",
    repetition_type: "REQUIRED",
  }));
  const root = { name: "root", num_children: schema.length };
  const parquet = new ParquetWriter({ writer, schema: [root, ...schema], codec: "UNCOMPRESSED" });
  for (let row = 0; writer.offset < bytes; row += GROUP_ROWS) {
    const rows = group(row);
    await parquet.write({
      columnData: (["prompt", "completion"] as const).map((name) => ({
        name,
        data: rows.map((each) => each[name]),
        encoding: "PLAIN" as const,
      })),
    });
  }
  await parquet.finish();
}

const { values } = parseArgs({
  options: {
    format: { type: "string", default: "jsonl" },
    gigabytes: { type: "string", default: "2" },
    write: { type: "string" },
    steps: { type: "string", default: "2000" },
  },
});
const bytes = Number(values.gigabytes) * 1e9;
if (values.write) {
  await (values.format === "parquet" ? writeParquet : writeJsonl)(values.write, bytes);
  Deno.exit();
}
const folder = await Deno.makeTempDir();
try {
  const file = `rows.${values.format}`;
  const args = ["run", "-A", import.meta.filename!, ...Deno.args, "--write", join(folder, file)];
  const { success } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  if (!success) throw new Error(`Cannot write ${file}`);
  const started = performance.now();
  const options = { purpose: "train", maxLength: MAX_LENGTH, folder } as const;
  const examples = (await openExamples({ file }, options))!;
  const indexed = performance.now();
  const loader = new Loader({
    examples,
    maxLength: MAX_LENGTH,
    batchSize: BATCH_SIZE,
    accumulation: 1,
    packing: true,
    epochs: 1,
    seed: 0,
  });
  const steps = Number(values.steps), resident: number[] = [];
  for (let step = 0; step < steps && await loader.next(); step++) {
    resident.push(Deno.memoryUsage().rss);
    if (step % Math.ceil(steps / 10) === 0) {
      console.error(`step ${step}: ${(resident.at(-1)! / 1e6).toFixed(0)} MB`);
    }
  }
  console.log(JSON.stringify({
    format: values.format,
    bytes: (await Deno.stat(join(folder, file))).size,
    stream: isStream(examples),
    steps: resident.length,
    index_s: (indexed - started) / 1000,
    tokens_per_s: Math.round(
      resident.length * BATCH_SIZE * MAX_LENGTH / (performance.now() - indexed) * 1000,
    ),
    peak_resident_bytes: resident.reduce((most, one) => Math.max(most, one), 0),
  }));
} finally {
  await Deno.remove(folder, { recursive: true });
}
