// The line of a PostgreSQL database: pg-boss holds one job a run, by the run's id. The job is active
// while a worker has the run; who may write is decided by the row's lease and attempt alone.

import { fromKysely, PgBoss } from "pg-boss";
import { log } from "../log.ts";
import { toRequirements, waitingRequirements } from "../workers/kysely_worker_store.ts";
import { fits, type Requirements } from "../workers/placement.ts";
import type { WaitingLine } from "./waiting_line.ts";

/** The queue of runs. */
const QUEUE = "runs";
/** Runs that were given up, each with the reason. */
const DEAD_LETTERS = "runs_given_up";

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

// Runs that ask for the same of a device are a group of jobs: a worker leaves out the groups that it cannot
// hold, and takes what has waited longest of the others.
function groupOf({ wants, needs }: Requirements): string {
  return `${wants}/${needs.cpu ?? ""}/${needs.webgpu ?? ""}`;
}

/** The line of jobs. */
export function pgBossLine(boss: PgBoss): WaitingLine {
  return {
    async add(transaction, id, wait) {
      const db = fromKysely(transaction);
      await boss.deleteJob(QUEUE, id, { db });
      const row = await transaction.selectFrom("runs").select(["wants", "need_cpu", "need_webgpu"])
        .where("id", "=", id).executeTakeFirstOrThrow();
      const group = { id: groupOf(toRequirements(row)) };
      await boss.send(QUEUE, null, { id, startAfter: Math.ceil(wait / 1000), group, db });
    },
    async take(transaction, _now, offer) {
      const db = fromKysely(transaction);
      const ignoreGroups = offer && (await waitingRequirements(transaction))
        .filter((asked) => !fits(asked, offer)).map(groupOf);
      const [job] = await boss.fetch(QUEUE, { db, ignoreGroups });
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
