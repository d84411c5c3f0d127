// The tables, as a list of steps that only goes forward. A step that has shipped is never edited.

/** The same step in both dialects. */
export interface Migration {
  readonly sqlite: string;
  readonly postgres: string;
}

/** All steps; a database's version is the number of those it has taken. */
export const MIGRATIONS: readonly Migration[] = [
  {
    sqlite: `
    CREATE TABLE runs (
      id TEXT PRIMARY KEY,
      status TEXT NOT NULL CHECK (status IN ('queued','running','succeeded','failed','cancelled')),
      model TEXT NOT NULL,
      spec TEXT NOT NULL,
      spec_hash TEXT NOT NULL,
      code_version TEXT NOT NULL,
      backend TEXT,
      device TEXT,
      progress TEXT,
      metrics TEXT,
      result TEXT,
      error TEXT,
      created_at INTEGER NOT NULL,
      started_at INTEGER,
      finished_at INTEGER,
      last_seq INTEGER NOT NULL DEFAULT 0,
      -- The queue. attempts numbers the claims and fences their writes; failures counts those
      -- in a row that got no further than the last checkpoint.
      attempts INTEGER NOT NULL DEFAULT 0,
      failures INTEGER NOT NULL DEFAULT 0,
      available_at INTEGER NOT NULL,
      lease_owner TEXT,
      lease_until INTEGER,
      cancel_requested INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX runs_waiting ON runs (available_at) WHERE status = 'queued';
    CREATE INDEX runs_leased ON runs (lease_until) WHERE status = 'running';
    CREATE INDEX runs_by_hash ON runs (spec_hash);

    CREATE TABLE events (
      run_id TEXT NOT NULL REFERENCES runs (id),
      seq INTEGER NOT NULL,
      type TEXT NOT NULL,
      json TEXT NOT NULL,
      PRIMARY KEY (run_id, seq)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE points (
      run_id TEXT NOT NULL REFERENCES runs (id),
      step INTEGER NOT NULL,
      json TEXT NOT NULL,
      PRIMARY KEY (run_id, step)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE idempotency_keys (
      key TEXT PRIMARY KEY,
      request_hash TEXT NOT NULL,
      run_id TEXT NOT NULL REFERENCES runs (id),
      created_at INTEGER NOT NULL
    ) STRICT;
    `,
    postgres: `
    CREATE TABLE runs (
      id TEXT PRIMARY KEY,
      status TEXT NOT NULL CHECK (status IN ('queued','running','succeeded','failed','cancelled')),
      model TEXT NOT NULL,
      spec TEXT NOT NULL,
      spec_hash TEXT NOT NULL,
      code_version TEXT NOT NULL,
      backend TEXT,
      device TEXT,
      progress TEXT,
      metrics TEXT,
      result TEXT,
      error TEXT,
      created_at BIGINT NOT NULL,
      started_at BIGINT,
      finished_at BIGINT,
      last_seq INTEGER NOT NULL DEFAULT 0,
      -- The queue. attempts numbers the claims and fences their writes; failures counts those
      -- in a row that got no further than the last checkpoint.
      attempts INTEGER NOT NULL DEFAULT 0,
      failures INTEGER NOT NULL DEFAULT 0,
      available_at BIGINT NOT NULL,
      lease_owner TEXT,
      lease_until BIGINT,
      cancel_requested INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX runs_waiting ON runs (available_at) WHERE status = 'queued';
    CREATE INDEX runs_leased ON runs (lease_until) WHERE status = 'running';
    CREATE INDEX runs_by_hash ON runs (spec_hash);

    CREATE TABLE events (
      run_id TEXT NOT NULL REFERENCES runs (id),
      seq INTEGER NOT NULL,
      type TEXT NOT NULL,
      json TEXT NOT NULL,
      PRIMARY KEY (run_id, seq)
    );

    CREATE TABLE points (
      run_id TEXT NOT NULL REFERENCES runs (id),
      step INTEGER NOT NULL,
      json TEXT NOT NULL,
      PRIMARY KEY (run_id, step)
    );

    CREATE TABLE idempotency_keys (
      key TEXT PRIMARY KEY,
      request_hash TEXT NOT NULL,
      run_id TEXT NOT NULL REFERENCES runs (id),
      created_at BIGINT NOT NULL
    );

    -- SQLite's function of this name, for objects without nulls.
    CREATE FUNCTION json_patch(target TEXT, patch TEXT) RETURNS TEXT IMMUTABLE
      LANGUAGE sql AS 'SELECT (target::jsonb || patch::jsonb)::text';
    `,
  },
  {
    sqlite: `
    CREATE TABLE sweeps (
      id TEXT PRIMARY KEY,
      request TEXT NOT NULL,
      request_hash TEXT NOT NULL,
      idempotency_key TEXT UNIQUE,
      early_stopping INTEGER NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE sweep_runs (
      sweep_id TEXT NOT NULL REFERENCES sweeps (id),
      position INTEGER NOT NULL,
      run_id TEXT NOT NULL REFERENCES runs (id),
      changes TEXT NOT NULL,
      stopped_early INTEGER NOT NULL,
      PRIMARY KEY (sweep_id, position)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sweep_runs_by_run ON sweep_runs (run_id);
    CREATE INDEX points_evaluated ON points (run_id, step) WHERE json LIKE '%"eval_nll"%';
    `,
    postgres: `
    CREATE TABLE sweeps (
      id TEXT PRIMARY KEY,
      request TEXT NOT NULL,
      request_hash TEXT NOT NULL,
      idempotency_key TEXT UNIQUE,
      early_stopping INTEGER NOT NULL,
      created_at BIGINT NOT NULL
    );

    CREATE TABLE sweep_runs (
      sweep_id TEXT NOT NULL REFERENCES sweeps (id),
      position INTEGER NOT NULL,
      run_id TEXT NOT NULL REFERENCES runs (id),
      changes TEXT NOT NULL,
      stopped_early INTEGER NOT NULL,
      PRIMARY KEY (sweep_id, position)
    );
    CREATE INDEX sweep_runs_by_run ON sweep_runs (run_id);
    CREATE INDEX points_evaluated ON points (run_id, step) WHERE json LIKE '%"eval_nll"%';
    `,
  },
  {
    sqlite: `
    CREATE TABLE workers (
      id TEXT PRIMARY KEY,
      host TEXT NOT NULL,
      pid INTEGER NOT NULL,
      version TEXT NOT NULL,
      status TEXT NOT NULL CHECK (status IN ('ready','draining','gone')),
      devices TEXT NOT NULL,
      started_at INTEGER NOT NULL,
      heartbeat_at INTEGER NOT NULL
    ) STRICT;

    -- What a run asks of a device: its spec's backend, and bytes where they are known.
    ALTER TABLE runs ADD COLUMN wants TEXT NOT NULL DEFAULT 'auto';
    ALTER TABLE runs ADD COLUMN need_cpu INTEGER;
    ALTER TABLE runs ADD COLUMN need_webgpu INTEGER;
    UPDATE runs SET wants = coalesce(json_extract(spec, '$.backend'), 'auto');
    CREATE INDEX runs_asking ON runs (wants, need_cpu, need_webgpu) WHERE status = 'queued';
    `,
    postgres: `
    CREATE TABLE workers (
      id TEXT PRIMARY KEY,
      host TEXT NOT NULL,
      pid INTEGER NOT NULL,
      version TEXT NOT NULL,
      status TEXT NOT NULL CHECK (status IN ('ready','draining','gone')),
      devices TEXT NOT NULL,
      started_at BIGINT NOT NULL,
      heartbeat_at BIGINT NOT NULL
    );

    -- What a run asks of a device: its spec's backend, and bytes where they are known.
    ALTER TABLE runs ADD COLUMN wants TEXT NOT NULL DEFAULT 'auto';
    ALTER TABLE runs ADD COLUMN need_cpu BIGINT;
    ALTER TABLE runs ADD COLUMN need_webgpu BIGINT;
    UPDATE runs SET wants = coalesce(spec::jsonb ->> 'backend', 'auto');
    CREATE INDEX runs_asking ON runs (wants, need_cpu, need_webgpu) WHERE status = 'queued';
    `,
  },
];
