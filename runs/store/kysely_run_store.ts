// The run store over SQL.

import { sql, type Transaction } from "kysely";
import type { Selectable } from "kysely";
import type { MetricPoint, Run, RunEvent, RunStatus } from "../spec/run.ts";
import { appendEvents } from "./append_events.ts";
import type { Database, Tables } from "./database.ts";
import { WAITING_ROWS, type WaitingLine } from "../queue/waiting_line.ts";
import { enqueue, rowOfNewRun } from "./insert_run.ts";
import { toRow, toRun } from "./run_row.ts";
import { evaluatedPoints, samplePoints } from "./sample_points.ts";
import {
  type Claim,
  ClaimLostError,
  type Ending,
  IdempotencyConflictError,
  type NewRun,
  type Report,
  type RunFilter,
  type RunStore,
} from "./run_store.ts";

/** A store over an open database. */
export function createRunStore(database: Database, line: WaitingLine = WAITING_ROWS): RunStore {
  return new KyselyRunStore(database, line);
}

class KyselyRunStore implements RunStore {
  constructor(readonly database: Database, readonly line: WaitingLine) {}

  async create(run: NewRun): Promise<{ run: Run; created: boolean }> {
    const now = Date.now();
    const row = rowOfNewRun(run, now);
    const { id } = row;
    return await this.database.transaction().execute(async (transaction) => {
      // The write comes first: it takes the lock, so that what is read after it stays true.
      await transaction.insertInto("runs").values(row).execute();
      if (run.idempotencyKey !== undefined) {
        await transaction.insertInto("idempotency_keys").values({
          key: run.idempotencyKey,
          request_hash: run.specHash,
          run_id: id,
          created_at: now,
        }).onConflict((conflict) => conflict.doNothing()).execute();
        const known = await transaction.selectFrom("idempotency_keys").selectAll()
          .where("key", "=", run.idempotencyKey).executeTakeFirstOrThrow();
        if (known.run_id !== id) {
          await transaction.deleteFrom("runs").where("id", "=", id).execute();
          if (known.request_hash !== run.specHash) {
            throw new IdempotencyConflictError(
              `Cannot use Idempotency-Key "${run.idempotencyKey}" again: ` +
                `it belongs to run ${known.run_id} with a different spec`,
            );
          }
          return { run: toRun(await rowOf(transaction, known.run_id)), created: false };
        }
      }
      await enqueue(transaction, this.line, id);
      return { run: toRun(await rowOf(transaction, id)), created: true };
    });
  }

  async get(id: string): Promise<Run | undefined> {
    const row = await this.database.selectFrom("runs").selectAll().where("id", "=", id)
      .executeTakeFirst();
    return row && toRun(row);
  }

  async list(filter: RunFilter): Promise<Run[]> {
    let query = this.database.selectFrom("runs").selectAll();
    if (filter.status) query = query.where("status", "=", filter.status);
    if (filter.model) query = query.where("model", "=", filter.model);
    if (filter.specHash) query = query.where("spec_hash", "=", filter.specHash);
    if (filter.before) query = query.where("id", "<", filter.before);
    return (await query.orderBy("id", "desc").limit(filter.limit).execute()).map(toRun);
  }

  async countByStatus(): Promise<Partial<Record<RunStatus, number>>> {
    const rows = await this.database.selectFrom("runs")
      .select(({ fn }) => ["status", fn.countAll().as("count")]).groupBy("status").execute();
    return Object.fromEntries(rows.map(({ status, count }) => [status, Number(count)]));
  }

  async requestCancel(id: string): Promise<Run | undefined> {
    const { row, ended } = await this.database.transaction().execute(async (transaction) => {
      // One statement for both: between two the run could go from one state to the other.
      const asked = await transaction.updateTable("runs").set({ cancel_requested: 1 })
        .where("id", "=", id).where("status", "in", ["queued", "running"])
        .returning("status").executeTakeFirst();
      const ended = asked?.status === "queued";
      if (ended) {
        await transaction.updateTable("runs")
          .set({ status: "cancelled", finished_at: Date.now() }).where("id", "=", id).execute();
        await appendEvents(transaction, id, [{ type: "cancelled", data: {} }]);
      }
      const row = await transaction.selectFrom("runs").selectAll().where("id", "=", id)
        .executeTakeFirst();
      return { row, ended };
    });
    // Who claims takes the place and then the row: had both here at once, the two would wait for each other.
    if (ended) {
      await this.database.transaction().execute((transaction) => this.line.remove(transaction, id));
    }
    return row && toRun(row);
  }

  async events(id: string, after: number, limit: number): Promise<RunEvent[]> {
    const rows = await this.database.selectFrom("events").select(["seq", "type", "json"])
      .where("run_id", "=", id).where("seq", ">", after).orderBy("seq").limit(limit).execute();
    return rows.map(({ seq, type, json }) => ({ seq, type, data: JSON.parse(json) }));
  }

  async lastEvent(id: string): Promise<number> {
    const row = await this.database.selectFrom("runs").select("last_seq").where("id", "=", id)
      .executeTakeFirst();
    return row?.last_seq ?? 0;
  }

  async lastEvents(id: string, type: string, limit: number): Promise<RunEvent[]> {
    const rows = await this.database.selectFrom("events").select(["seq", "type", "json"])
      .where("run_id", "=", id).where("type", "=", type)
      .orderBy("seq", "desc").limit(limit).execute();
    return rows.reverse().map(({ seq, type, json }) => ({ seq, type, data: JSON.parse(json) }));
  }

  async points(id: string, most?: number): Promise<MetricPoint[]> {
    if (most !== undefined) return await samplePoints(this.database, id, most);
    const rows = await this.database.selectFrom("points").select("json")
      .where("run_id", "=", id).orderBy("step").execute();
    return rows.map(({ json }) => JSON.parse(json));
  }

  async evaluations(id: string): Promise<MetricPoint[]> {
    return await evaluatedPoints(this.database, id);
  }

  async importRun(
    run: Run,
    events: readonly RunEvent[],
    points: readonly MetricPoint[],
  ): Promise<boolean> {
    return await this.database.transaction().execute(async (transaction) => {
      const { numInsertedOrUpdatedRows } = await transaction.insertInto("runs").values(toRow(run))
        .onConflict((conflict) => conflict.column("id").doNothing())
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows === 0n) return false;
      await appendEvents(transaction, run.id, events);
      const rows = points.map((point) => ({
        run_id: run.id,
        step: point.step,
        json: JSON.stringify(point),
      }));
      for (let at = 0; at < rows.length; at += 500) {
        await transaction.insertInto("points").values(rows.slice(at, at + 500)).execute();
      }
      return true;
    });
  }

  async report(claim: Claim, report: Report): Promise<void> {
    const { events = [], points = [], progress, resumedFrom } = report;
    const newest = points.length > 0 ? Object.assign({}, ...points) : undefined;
    await this.database.transaction().execute(async (transaction) => {
      const { numUpdatedRows } = await held(transaction, claim)
        .set({
          ...(progress && { progress: JSON.stringify(progress) }),
          ...(newest && {
            metrics: sql<string>`json_patch(coalesce(metrics, '{}'), ${JSON.stringify(newest)})`,
          }),
          ...(report.backend && { backend: report.backend }),
          ...(report.device && { device: report.device }),
          ...(report.checkpointed && { failures: 0 }),
          ...(report.needs && { need_cpu: report.needs.cpu, need_webgpu: report.needs.webgpu }),
          attempts: claim.attempt,
        })
        .executeTakeFirst();
      if (numUpdatedRows === 0n) throw new ClaimLostError(claim);
      if (resumedFrom !== undefined) {
        await transaction.deleteFrom("points").where("run_id", "=", claim.id)
          .where("step", ">", resumedFrom).execute();
      }
      // One statement for many; it may name each step once.
      const byStep = new Map<number, MetricPoint>();
      for (const point of points) byStep.set(point.step, { ...byStep.get(point.step), ...point });
      const rows = Array.from(byStep, ([step, point]) => ({
        run_id: claim.id,
        step,
        json: JSON.stringify(point),
      }));
      for (let at = 0; at < rows.length; at += 500) {
        await transaction.insertInto("points").values(rows.slice(at, at + 500))
          .onConflict((conflict) =>
            conflict.columns(["run_id", "step"])
              .doUpdateSet({ json: sql`json_patch(points.json, excluded.json)` })
          ).execute();
      }
      await appendEvents(transaction, claim.id, events);
    });
  }

  async finish(claim: Claim, ending: Ending): Promise<void> {
    await this.database.transaction().execute(async (transaction) => {
      const { numUpdatedRows } = await held(transaction, claim)
        .set({
          status: ending.status,
          finished_at: Date.now(),
          lease_owner: null,
          lease_until: null,
          ...(ending.status === "succeeded" && { result: JSON.stringify(ending.result) }),
          ...(ending.status === "failed" && { error: JSON.stringify(ending.error) }),
        })
        .executeTakeFirst();
      if (numUpdatedRows === 0n) throw new ClaimLostError(claim);
      const data = ending.status === "succeeded"
        ? { result: ending.result }
        : ending.status === "failed"
        ? { error: ending.error }
        : {};
      await appendEvents(transaction, claim.id, [{ type: ending.status, data }]);
      await this.line.remove(transaction, claim.id);
    });
  }
}

/** An update that only the holder of the claim can make. */
export function held(transaction: Transaction<Tables>, claim: Claim) {
  return transaction.updateTable("runs")
    .where("id", "=", claim.id)
    .where("status", "=", "running")
    .where("attempts", "=", claim.attempt);
}

function rowOf(transaction: Transaction<Tables>, id: string): Promise<Selectable<Tables["runs"]>> {
  return transaction.selectFrom("runs").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
}
