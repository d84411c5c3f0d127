// Whether a data set's size shows in memory: writes a jsonl file, streams batches out of it, and prints
// the resident memory as it goes, one JSON line at the end.
//
//   deno task bench:data [--gigabytes 2] [--steps 2000]

import { join } from "@std/path";
import { parseArgs } from "node:util";
import { isStream, openExamples } from "../data/load.ts";
import { Loader } from "../data/loader.ts";

const WORDS = "alpha beta gamma delta epsilon theta lambda sigma omega a the of and".split(" ");
const MAX_LENGTH = 2048;
const BATCH_SIZE = 32;

/** Rows of 100 bytes to 3 kB, as many as make up `bytes`. */
async function writeRows(path: string, bytes: number): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  const encoder = new TextEncoder();
  const words = (count: number, from: number) =>
    Array.from({ length: count }, (_, i) => WORDS[(from * 7 + i * i) % WORDS.length]).join(" ");
  for (let written = 0, row = 0; written < bytes;) {
    let lines = "";
    for (let i = 0; i < 1000; i++, row++) {
      const value = {
        prompt: words(5 + row % 50, row),
        completion: words(20 + row % 400, row + 1),
      };
      lines += `${JSON.stringify(value)}\n`;
    }
    const chunk = encoder.encode(lines);
    for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
    written += chunk.length;
  }
}

const { values } = parseArgs({
  options: {
    gigabytes: { type: "string", default: "2" },
    steps: { type: "string", default: "2000" },
  },
});
const folder = await Deno.makeTempDir();
try {
  const file = "rows.jsonl", bytes = Number(values.gigabytes) * 1e9;
  await writeRows(join(folder, file), bytes);
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
    bytes,
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
