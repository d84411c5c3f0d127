// A run's row as clients see it, and back.

import type { Insertable, Selectable } from "kysely";
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
    needs_bytes: { cpu: row.need_cpu, webgpu: row.need_webgpu },
  };
}

/** The row of a run that has ended; its events are counted as they are stored. */
export function toRow(run: Run): Insertable<Tables["runs"]> {
  const time = (iso: string | null) => iso === null ? null : Date.parse(iso);
  const json = (value: unknown) => value === null ? null : JSON.stringify(value);
  return {
    id: run.id,
    status: run.status,
    model: run.spec.model,
    spec: JSON.stringify(run.spec),
    spec_hash: run.spec_hash,
    code_version: run.code_version,
    backend: run.backend,
    device: run.device,
    attempts: run.attempts,
    progress: json(run.progress),
    metrics: json(run.metrics),
    result: json(run.result),
    error: json(run.error),
    created_at: Date.parse(run.created_at),
    started_at: time(run.started_at),
    finished_at: time(run.finished_at),
    last_seq: 0,
    failures: 0,
    available_at: 0,
    cancel_requested: 0,
    wants: run.spec.backend,
    need_cpu: run.needs_bytes?.cpu ?? null,
    need_webgpu: run.needs_bytes?.webgpu ?? null,
  };
}
