// The sweep store over SQL.

import { createHash } from "node:crypto";
import { WAITING_ROWS, type WaitingLine } from "../queue/waiting_line.ts";
import { canonicalJson } from "../spec/spec_hash.ts";
import type { Database } from "./database.ts";
import { enqueue, rowOfNewRun } from "./insert_run.ts";
import { toRun } from "./run_row.ts";
import { newRunId } from "./run_id.ts";
import { IdempotencyConflictError } from "./run_store.ts";
import type { NewSweep, StoredSweep, SweepRecord, SweepStore } from "./sweep_store.ts";

/** A store over an open database. */
export function createSweepStore(database: Database, line: WaitingLine = WAITING_ROWS): SweepStore {
  return new KyselySweepStore(database, line);
}

class KyselySweepStore implements SweepStore {
  constructor(readonly database: Database, readonly line: WaitingLine) {}

  async create(sweep: NewSweep): Promise<{ id: string; created: boolean }> {
    const now = Date.now();
    const id = newRunId(now);
    const request = JSON.stringify(sweep.request);
    const hash = hashOf(sweep.request);
    return await this.database.transaction().execute(async (transaction) => {
      const key = sweep.idempotencyKey ?? null;
      const { numInsertedOrUpdatedRows } = await transaction.insertInto("sweeps")
        .values({
          id,
          request,
          request_hash: hash,
          idempotency_key: key,
          early_stopping: sweep.request.early_stopping ? 1 : 0,
          created_at: now,
        })
        .onConflict((conflict) => conflict.column("idempotency_key").doNothing())
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows === 0n) {
        const known = await transaction.selectFrom("sweeps").select(["id", "request_hash"])
          .where("idempotency_key", "=", key).executeTakeFirstOrThrow();
        if (known.request_hash !== hash) {
          throw new IdempotencyConflictError(
            `Cannot use Idempotency-Key "${key}" again: ` +
              `it belongs to sweep ${known.id} with a different request`,
          );
        }
        return { id: known.id, created: false };
      }
      // Of runs that came at the same time the one with the least id is taken first.
      const ids = sweep.runs.map(() => newRunId(now)).sort();
      for (const [position, { changes, ...run }] of sweep.runs.entries()) {
        const row = rowOfNewRun(run, now, ids[position]);
        await transaction.insertInto("runs").values(row).execute();
        await transaction.insertInto("sweep_runs").values({
          sweep_id: id,
          position,
          run_id: row.id,
          changes: JSON.stringify(changes),
          stopped_early: 0,
        }).execute();
        await enqueue(transaction, this.line, row.id);
      }
      return { id, created: true };
    });
  }

  async importSweep({ id, request, created_at, runs }: SweepRecord): Promise<void> {
    await this.database.transaction().execute(async (transaction) => {
      const { numInsertedOrUpdatedRows } = await transaction.insertInto("sweeps")
        .values({
          id,
          request: JSON.stringify(request),
          request_hash: hashOf(request),
          idempotency_key: null,
          // Its runs have ended.
          early_stopping: 0,
          created_at: Date.parse(created_at),
        })
        .onConflict((conflict) => conflict.column("id").doNothing())
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows === 0n) return;
      await transaction.insertInto("sweep_runs").values(runs.map((each, position) => ({
        sweep_id: id,
        position,
        run_id: each.run_id,
        changes: JSON.stringify(each.changes),
        stopped_early: each.stopped_early ? 1 : 0,
      }))).execute();
    });
  }

  async get(id: string): Promise<StoredSweep | undefined> {
    const sweep = await this.database.selectFrom("sweeps").selectAll().where("id", "=", id)
      .executeTakeFirst();
    if (sweep === undefined) return undefined;
    const rows = await this.database.selectFrom("sweep_runs")
      .innerJoin("runs", "runs.id", "sweep_runs.run_id")
      .selectAll("runs").select(["sweep_runs.changes", "sweep_runs.stopped_early"])
      .where("sweep_id", "=", id).orderBy("position").execute();
    return {
      id,
      request: JSON.parse(sweep.request),
      created_at: new Date(sweep.created_at).toISOString(),
      runs: rows.map((row) => ({
        run: toRun(row),
        changes: JSON.parse(row.changes),
        // It is marked before it is asked to stop, and may have come to its end before it was.
        stoppedEarly: row.stopped_early === 1 && row.status !== "succeeded" &&
          row.status !== "failed",
      })),
    };
  }

  async list(limit: number, before?: string): Promise<string[]> {
    let query = this.database.selectFrom("sweeps").select("id");
    if (before) query = query.where("id", "<", before);
    const rows = await query.orderBy("id", "desc").limit(limit).execute();
    return rows.map(({ id }) => id);
  }

  async withEarlyStopping(): Promise<string[]> {
    const rows = await this.database.selectFrom("sweeps")
      .innerJoin("sweep_runs", "sweep_runs.sweep_id", "sweeps.id")
      .innerJoin("runs", "runs.id", "sweep_runs.run_id")
      .select("sweeps.id").distinct()
      .where("early_stopping", "=", 1).where("runs.status", "=", "running").execute();
    return rows.map(({ id }) => id);
  }

  async sharing(run: string): Promise<StoredSweep | undefined> {
    const row = await this.database.selectFrom("sweep_runs")
      .innerJoin("runs", "runs.id", "sweep_runs.run_id").select("sweep_id")
      .where("run_id", "=", run).where("failures", "=", 0).executeTakeFirst();
    const sweep = row && await this.get(row.sweep_id);
    return sweep?.request.shared_base ? sweep : undefined;
  }

  async markStoppedEarly(id: string, run: string): Promise<void> {
    await this.database.updateTable("sweep_runs").set({ stopped_early: 1 })
      .where("sweep_id", "=", id).where("run_id", "=", run).execute();
  }
}

function hashOf(request: NewSweep["request"]): string {
  return createHash("sha256").update(canonicalJson(request)).digest("hex");
}
