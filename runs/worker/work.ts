// What a job process tells its supervisor on its standard output, a line of JSON each: what it did since the
// line before, and which runs it has taken beside the one that it was started for.

import type { Claim } from "../store/run_store.ts";
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

/** Says that a run has been claimed: from now on the supervisor looks after it too. */
export function tellClaim(claim: Claim): void {
  console.log(JSON.stringify({ claim }));
}

/** Who hears what a job tells. */
export interface JobListener {
  work(work: Work): void;
  claim(claim: Claim): void;
}

/** Hands on what comes; lines that are something else are left out. */
export async function listenToJob(
  output: ReadableStream<Uint8Array<ArrayBuffer>>,
  listener: JobListener,
): Promise<void> {
  for await (const line of output.pipeThrough(new TextLineStream())) {
    if (line.startsWith('{"steps":')) listener.work(JSON.parse(line));
    if (line.startsWith('{"claim":')) listener.claim(JSON.parse(line).claim);
  }
}
