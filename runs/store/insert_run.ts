// Stores a run as queued, in the caller's transaction.

import type { Transaction } from "kysely";
import type { WaitingLine } from "../queue/waiting_line.ts";
import { appendEvents } from "./append_events.ts";
import type { Tables } from "./database.ts";
import { newRunId } from "./run_id.ts";
import type { NewRun } from "./run_store.ts";

/** The row of a new run. */
export function rowOfNewRun(run: NewRun, now: number, id = newRunId(now)) {
  return {
    id,
    status: "queued" as const,
    model: run.spec.model,
    spec: JSON.stringify(run.spec),
    spec_hash: run.specHash,
    code_version: run.codeVersion,
    created_at: now,
    available_at: now,
    last_seq: 0,
    attempts: 0,
    failures: 0,
    cancel_requested: 0,
    wants: run.spec.backend,
    need_cpu: run.needs?.cpu ?? null,
    need_webgpu: run.needs?.webgpu ?? null,
  };
}

/** Gives a run that was just inserted its first event and its place in the line. */
export async function enqueue(
  transaction: Transaction<Tables>,
  line: WaitingLine,
  id: string,
): Promise<void> {
  await appendEvents(transaction, id, [{ type: "queued", data: {} }]);
  await line.add(transaction, id, 0);
}
