// The worker store over SQL.

import type { Transaction } from "kysely";
import type { Worker } from "../spec/worker.ts";
import type { Database, Tables } from "../store/database.ts";
import type { Requirements } from "./placement.ts";
import { type NewWorker, workerId, type WorkerStore } from "./worker_store.ts";

/** Workers that have been gone for so long are forgotten, in milliseconds. */
const KEPT_MS = 24 * 60 * 60 * 1000;

/** A store over an open database; who is not heard from for `lease` milliseconds is gone. */
export function createWorkerStore(
  database: Database,
  lease: number,
  now: () => number = Date.now,
): WorkerStore {
  return new KyselyWorkerStore(database, lease, now);
}

class KyselyWorkerStore implements WorkerStore {
  constructor(readonly database: Database, readonly lease: number, readonly now: () => number) {}

  async register({ host, pid, version, devices }: NewWorker): Promise<void> {
    const now = this.now();
    const row = {
      host,
      pid,
      version,
      devices: JSON.stringify(devices),
      status: "ready" as const,
      started_at: now,
      heartbeat_at: now,
    };
    await this.database.deleteFrom("workers").where("heartbeat_at", "<", now - KEPT_MS).execute();
    await this.database.insertInto("workers").values({ id: workerId(host, pid), ...row })
      .onConflict((conflict) => conflict.column("id").doUpdateSet(row)).execute();
  }

  async beat(id: string, status: "ready" | "draining"): Promise<boolean> {
    const { numUpdatedRows } = await this.database.updateTable("workers")
      .set({ status, heartbeat_at: this.now() }).where("id", "=", id).executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  async leave(id: string): Promise<void> {
    await this.database.updateTable("workers").set({ status: "gone" })
      .where("id", "=", id).execute();
  }

  async list(): Promise<Worker[]> {
    const now = this.now();
    const rows = await this.database.selectFrom("workers").selectAll()
      .where("heartbeat_at", ">=", now - KEPT_MS).orderBy("id").execute();
    const held = await this.database.selectFrom("runs").select(["id", "lease_owner"])
      .where("status", "=", "running").orderBy("id").execute();
    const workers = rows.map(({ devices, status, started_at, heartbeat_at, ...row }): Worker => ({
      ...row,
      status: heartbeat_at < now - this.lease ? "gone" : status,
      devices: JSON.parse(devices),
      run_ids: held.filter(({ lease_owner }) => lease_owner === row.id).map(({ id }) => id),
      started_at: new Date(started_at).toISOString(),
      heartbeat_at: new Date(heartbeat_at).toISOString(),
    }));
    const gone = ({ status }: Worker) => status === "gone" ? 1 : 0;
    return workers.sort((a, b) => gone(a) - gone(b));
  }

  waiting(): Promise<(Requirements & { readonly runs: number })[]> {
    return waitingRequirements(this.database);
  }
}

/** What the queued runs ask of a device, each kind once with its number of runs. */
export async function waitingRequirements(
  database: Database | Transaction<Tables>,
): Promise<(Requirements & { readonly runs: number })[]> {
  const rows = await database.selectFrom("runs")
    .select(({ fn }) => ["wants", "need_cpu", "need_webgpu", fn.countAll().as("runs")])
    .where("status", "=", "queued").groupBy(["wants", "need_cpu", "need_webgpu"]).execute();
  return rows.map((row) => ({ ...toRequirements(row), runs: Number(row.runs) }));
}

/** What a run's row says that it asks of a device. */
export function toRequirements(
  row: Pick<Tables["runs"], "need_cpu" | "need_webgpu"> & { readonly wants: string },
): Requirements {
  return {
    wants: row.wants as Requirements["wants"],
    needs: { cpu: row.need_cpu, webgpu: row.need_webgpu },
  };
}
