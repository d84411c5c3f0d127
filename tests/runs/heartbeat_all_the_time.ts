// Run as a process: prolongs the claim given by its arguments again and again until its stdin closes.

import { readConfiguration } from "../../runs/configuration.ts";
import { openRuns } from "../../runs/open_runs.ts";

await using runs = await openRuns(readConfiguration(), "job");
const [id, attempt] = Deno.args as [string, string];
let beats = 0;
let closed = false;
void Deno.stdin.read(new Uint8Array(1)).then(() => closed = true);
while (!closed) {
  await runs.queue.heartbeat({ id, attempt: Number(attempt) });
  if (beats++ === 0) console.log("beating");
  await new Promise((resolve) => setTimeout(resolve));
}
