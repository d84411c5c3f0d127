// Opens the place where runs are kept: a PostgreSQL server if DATABASE_URL names one, else the
// SQLite file of the data folder.

import { type Configuration, homePaths } from "./configuration.ts";
import { createRunQueue } from "./queue/kysely_run_queue.ts";
import type { RunQueue } from "./queue/run_queue.ts";
import { createRunStore } from "./store/kysely_run_store.ts";
import { createSweepStore } from "./store/kysely_sweep_store.ts";
import type { RunStore } from "./store/run_store.ts";
import { openSqlite } from "./store/sqlite_database.ts";
import type { SweepStore } from "./store/sweep_store.ts";
import { createWorkerStore } from "./workers/kysely_worker_store.ts";
import type { WorkerStore } from "./workers/worker_store.ts";

/** Stores and queue over one database. */
export interface OpenRuns extends AsyncDisposable {
  readonly store: RunStore;
  readonly queue: RunQueue;
  readonly sweeps: SweepStore;
  readonly workers: WorkerStore;
}

/** What a process does: a job has one run to write, the others serve and look after the queue. */
export type Role = "service" | "job";

/**
 * Opens the database and brings it up to date. `now` gives milliseconds since 1970.
 *
 * @throws {RangeError} if the database cannot be opened.
 */
export async function openRuns(
  { home, databaseUrl, lease }: Pick<Configuration, "home" | "databaseUrl" | "lease">,
  role: Role = "service",
  now: () => number = Date.now,
): Promise<OpenRuns> {
  if (databaseUrl === undefined) {
    const database = openSqlite(homePaths(home).database);
    return {
      store: createRunStore(database),
      sweeps: createSweepStore(database),
      workers: createWorkerStore(database, lease, now),
      queue: createRunQueue(database, { lease, now }),
      [Symbol.asyncDispose]: () => database.destroy(),
    };
  }
  const { openPostgres } = await import("./store/postgres_database.ts");
  const { pgBossLine, startPgBoss } = await import("./queue/pg_boss_line.ts");
  const { database, pool } = await openPostgres(databaseUrl, role === "service" ? 10 : 2, lease);
  const boss = await startPgBoss(pool, role === "service");
  const line = pgBossLine(boss);
  return {
    store: createRunStore(database, line),
    sweeps: createSweepStore(database, line),
    workers: createWorkerStore(database, lease, now),
    queue: createRunQueue(database, { line, lease, now }),
    async [Symbol.asyncDispose]() {
      await boss.stop({ graceful: false });
      await database.destroy();
    },
  };
}
