// Numbers events and appends them. The run's row hands out the numbers, so two writers of one run
// never get the same one and no number is left out.

import type { Transaction } from "kysely";
import type { RunEvent } from "../spec/run.ts";
import type { Tables } from "./database.ts";

/** Appends events to a run, in the caller's transaction. */
export async function appendEvents(
  transaction: Transaction<Tables>,
  id: string,
  events: readonly Omit<RunEvent, "seq">[],
): Promise<void> {
  if (events.length === 0) return;
  const { last_seq } = await transaction.updateTable("runs")
    .set((expression) => ({ last_seq: expression("last_seq", "+", events.length) }))
    .where("id", "=", id)
    .returning("last_seq")
    .executeTakeFirstOrThrow();
  const first = last_seq - events.length + 1;
  const rows = events.map(({ type, data }, index) => ({
    run_id: id,
    seq: first + index,
    type,
    json: JSON.stringify(data),
  }));
  for (let at = 0; at < rows.length; at += 500) {
    await transaction.insertInto("events").values(rows.slice(at, at + 500)).execute();
  }
}
