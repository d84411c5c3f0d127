// The files in data/samples: gzipped jsonl.

import type { JsonRow } from "./row_shape.ts";

/** The rows of a sample. */
export async function readSample(file: string): Promise<JsonRow[]> {
  const packed = await Deno.readFile(new URL(`./samples/${file}`, import.meta.url));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const lines = (await new Response(stream).text()).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}
