// Opens the database: SQLite in WAL mode, through Kysely. Several processes share the file.

import { Kysely, SqliteDialect } from "kysely";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { migrate } from "./migrations.ts";

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
  };
  events: { run_id: string; seq: number; type: string; json: string };
  points: { run_id: string; step: number; json: string };
  idempotency_keys: { key: string; request_hash: string; run_id: string; created_at: number };
}

/** The query builder over the tables. */
export type Database = Kysely<Tables>;

/**
 * Opens the file, creates the tables if they are missing. Every commit reaches the disk.
 *
 * @throws {RangeError} if the file is no database, or one of a newer version.
 */
export function openDatabase(path: string): Database {
  const database = new DatabaseSync(path, { timeout: 10_000 });
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
    migrate(database);
  } catch (error) {
    database.close();
    if (!(error as Error).message.includes("not a database")) throw error;
    throw new RangeError(`Cannot open ${path}: it is not a database, expected one or nothing`);
  }
  return new Kysely<Tables>({
    dialect: new SqliteDialect({
      database: {
        close: () => database.close(),
        prepare: (sql) => {
          const statement = database.prepare(sql);
          return {
            reader: statement.columns().length > 0,
            all: (values) => statement.all(...values as SQLInputValue[]),
            run: (values) => statement.run(...values as SQLInputValue[]),
            iterate: (values) => statement.iterate(...values as SQLInputValue[]),
          };
        },
      },
    }),
  });
}
