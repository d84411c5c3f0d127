// Run as a process: claims runs from a database until there are none, and prints their ids.

import { createRunQueue } from "../../runs/queue/kysely_run_queue.ts";
import { openDatabase } from "../../runs/store/database.ts";

const database = openDatabase(Deno.args[0]!);
const queue = createRunQueue(database);
for (let claim; (claim = await queue.claim(`process ${Deno.pid}`)) !== undefined;) {
  console.log(claim.id);
}
await database.destroy();
