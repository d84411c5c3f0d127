// Run as a process: claims runs from the configured database until there are none, and prints their ids.

import { readConfiguration } from "../../runs/configuration.ts";
import { openRuns } from "../../runs/open_runs.ts";

await using runs = await openRuns(readConfiguration(), "job");
for (let claim; (claim = await runs.queue.claim(`process ${Deno.pid}`)) !== undefined;) {
  console.log(claim.id);
}
