// A run's row as clients see it.

import type { Selectable } from "kysely";
import type { Run } from "../spec/run.ts";
import type { Tables } from "./database.ts";

/** Reads a row of the table `runs`. */
export function toRun(row: Selectable<Tables["runs"]>): Run {
  const time = (ms: number) => new Date(ms).toISOString();
  const json = (text: string | null) => text === null ? null : JSON.parse(text);
  return {
    id: row.id,
    status: row.status,
    spec: JSON.parse(row.spec),
    spec_hash: row.spec_hash,
    code_version: row.code_version,
    backend: row.backend,
    device: row.device,
    attempts: row.attempts,
    progress: json(row.progress),
    metrics: json(row.metrics),
    result: json(row.result),
    error: json(row.error),
    created_at: time(row.created_at),
    started_at: row.started_at === null ? null : time(row.started_at),
    finished_at: row.finished_at === null ? null : time(row.finished_at),
  };
}
