// The tables, as Kysely sees them: the same for SQLite and for PostgreSQL.

import type { Kysely } from "kysely";

/** The columns of each table. Times are milliseconds since 1970, JSON is text. */
export interface Tables {
  runs: {
    id: string;
    status: "queued" | "running" | "succeeded" | "failed" | "cancelled";
    model: string;
    spec: string;
    spec_hash: string;
    code_version: string;
    backend: string | null;
    device: string | null;
    progress: string | null;
    metrics: string | null;
    result: string | null;
    error: string | null;
    created_at: number;
    started_at: number | null;
    finished_at: number | null;
    last_seq: number;
    attempts: number;
    failures: number;
    available_at: number;
    lease_owner: string | null;
    lease_until: number | null;
    cancel_requested: number;
    wants: "auto" | "cpu" | "webgpu";
    need_cpu: number | null;
    need_webgpu: number | null;
  };
  events: { run_id: string; seq: number; type: string; json: string };
  points: { run_id: string; step: number; json: string };
  workers: {
    id: string;
    host: string;
    pid: number;
    version: string;
    status: "ready" | "draining" | "gone";
    devices: string;
    started_at: number;
    heartbeat_at: number;
  };
  sweeps: {
    id: string;
    request: string;
    request_hash: string;
    idempotency_key: string | null;
    early_stopping: number;
    created_at: number;
  };
  sweep_runs: {
    sweep_id: string;
    position: number;
    run_id: string;
    changes: string;
    stopped_early: number;
  };
  idempotency_keys: { key: string; request_hash: string; run_id: string; created_at: number };
}

/** The query builder over the tables. */
export type Database = Kysely<Tables>;
