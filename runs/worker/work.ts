// What a job process tells its supervisor on its standard output: a line of JSON for what it did since
// the line before.

import { TextLineStream } from "../text_lines.ts";

/** What a job did. */
export interface Work {
  readonly steps: number;
  readonly seconds: number;
  readonly tokens: number;
  /** Bytes alive on the device. */
  readonly deviceBytes: number;
}

/** Says it. */
export function tellWork(work: Work): void {
  console.log(JSON.stringify(work));
}

/** Hands on what comes; lines that are something else are left out. */
export async function readWork(
  output: ReadableStream<Uint8Array<ArrayBuffer>>,
  take: (work: Work) => void,
): Promise<void> {
  for await (const line of output.pipeThrough(new TextLineStream())) {
    if (!line.startsWith('{"steps":')) continue;
    take(JSON.parse(line));
  }
}
