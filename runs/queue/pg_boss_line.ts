// The line of a PostgreSQL database: pg-boss holds one job a run, by the run's id. The job is active
// while a worker has the run; who may write is decided by the row's lease and attempt alone.

import { fromKysely, PgBoss } from "pg-boss";
import { log } from "../log.ts";
import type { WaitingLine } from "./waiting_line.ts";

/** The queue of runs. */
const QUEUE = "runs";
/** Runs that were given up, each with the reason. */
export const DEAD_LETTERS = "runs_given_up";

/** pg-boss ends a job after at most a day: workers hand longer runs back before. */
const DAY_S = 24 * 60 * 60;
/** Far more than the lease: the row's lease runs out first as long as any worker lives. */
const HEARTBEAT_S = 120;
const YEAR_S = 365 * DAY_S;

/** Where pg-boss's statements go. */
export interface Connections {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** Starts pg-boss on a pool. `supervise` for the processes that serve or work. */
export async function startPgBoss(pool: Connections, supervise: boolean): Promise<PgBoss> {
  const boss = new PgBoss({
    db: { executeSql: (text, values) => pool.query(text, values) },
    schedule: false,
    supervise,
    migrate: true,
  });
  boss.on("error", (error) => log("error", `pg-boss: ${error.message}`));
  await boss.start();
  await boss.createQueue(DEAD_LETTERS, { retentionSeconds: YEAR_S });
  await boss.createQueue(QUEUE, {
    expireInSeconds: DAY_S,
    heartbeatSeconds: HEARTBEAT_S,
    // Attempts are counted by the run's row, which forgives those that got to a new checkpoint.
    retryLimit: 1000,
    retentionSeconds: YEAR_S,
  });
  return boss;
}

/** The line of jobs. */
export function pgBossLine(boss: PgBoss): WaitingLine {
  return {
    async add(transaction, id, wait) {
      const db = fromKysely(transaction);
      await boss.deleteJob(QUEUE, id, { db });
      await boss.send(QUEUE, null, { id, startAfter: Math.ceil(wait / 1000), db });
    },
    async take(transaction) {
      const [job] = await boss.fetch(QUEUE, { db: fromKysely(transaction) });
      return job?.id;
    },
    async touch(transaction, id) {
      await boss.touch(QUEUE, id, { db: fromKysely(transaction) });
    },
    async remove(transaction, id) {
      await boss.deleteJob(QUEUE, id, { db: fromKysely(transaction) });
    },
    async bury(transaction, id, reason) {
      const db = fromKysely(transaction);
      await boss.deleteJob(QUEUE, id, { db });
      await boss.send(DEAD_LETTERS, { run_id: id, reason }, { db });
    },
  };
}
