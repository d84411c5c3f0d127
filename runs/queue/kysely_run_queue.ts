// The queue over the same rows as the store: no job exists without its run.

import { sql } from "kysely";
import type { RunError } from "../spec/run.ts";
import { appendEvents } from "../store/append_events.ts";
import type { Database } from "../store/database.ts";
import { held } from "../store/kysely_run_store.ts";
import type { Claim } from "../store/run_store.ts";
import { LEASE_MS, MAX_FAILURES, type RunQueue } from "./run_queue.ts";

/** Wait before the attempt after `failures` failures: 1 s, 4 s, 16 s …, in milliseconds. */
export function backOff(failures: number): number {
  return Math.min(1000 * 4 ** (failures - 1), 300_000);
}

/** A queue over an open database. `now` gives milliseconds since 1970. */
export function createRunQueue(database: Database, now: () => number = Date.now): RunQueue {
  return new KyselyRunQueue(database, now);
}

class KyselyRunQueue implements RunQueue {
  constructor(readonly database: Database, readonly now: () => number) {}

  async claim(owner: string): Promise<Claim | undefined> {
    await this.#retryExpired();
    const now = this.now();
    return await this.database.transaction().execute(async (transaction) => {
      const row = await transaction.updateTable("runs")
        .set({
          status: "running",
          attempts: sql<number>`attempts + 1`,
          lease_owner: owner,
          lease_until: now + LEASE_MS,
          started_at: sql<number>`coalesce(started_at, ${now})`,
        })
        .where(
          "id",
          "in",
          (inner) =>
            inner.selectFrom("runs").select("id")
              .where("status", "=", "queued").where("available_at", "<=", now)
              .orderBy("available_at").orderBy("id").limit(1),
        )
        .returning(["id", "attempts"])
        .executeTakeFirst();
      if (row === undefined) return undefined;
      await appendEvents(transaction, row.id, [
        { type: "started", data: { attempt: row.attempts, worker: owner } },
      ]);
      return { id: row.id, attempt: row.attempts };
    });
  }

  async heartbeat(claim: Claim): Promise<"held" | "cancel" | "lost"> {
    const row = await this.database.transaction().execute((transaction) =>
      held(transaction, claim)
        .set({ lease_until: this.now() + LEASE_MS })
        .returning("cancel_requested")
        .executeTakeFirst()
    );
    return row === undefined ? "lost" : row.cancel_requested ? "cancel" : "held";
  }

  async retry(claim: Claim, error: RunError): Promise<"queued" | "failed" | "lost"> {
    return await this.database.transaction().execute(async (transaction) => {
      const row = await held(transaction, claim)
        .set({ failures: sql<number>`failures + 1`, lease_owner: null, lease_until: null })
        .returning(["failures", "cancel_requested"])
        .executeTakeFirst();
      if (row === undefined) return "lost";
      const now = this.now();
      const end = row.cancel_requested ? "cancelled" : row.failures >= MAX_FAILURES ? "failed" : "";
      if (end !== "") {
        await held(transaction, claim).set({
          status: end,
          finished_at: now,
          ...(end === "failed" && { error: JSON.stringify(error) }),
        }).execute();
        await appendEvents(transaction, claim.id, [
          { type: end, data: end === "failed" ? { error } : {} },
        ]);
        return "failed";
      }
      const wait = backOff(row.failures);
      await held(transaction, claim)
        .set({ status: "queued", available_at: now + wait }).execute();
      await appendEvents(transaction, claim.id, [
        { type: "retry", data: { attempt: claim.attempt, error, wait_ms: wait } },
      ]);
      return "queued";
    });
  }

  async release(claim: Claim): Promise<void> {
    await this.database.transaction().execute(async (transaction) => {
      const { numUpdatedRows } = await held(transaction, claim)
        .set({ status: "queued", available_at: this.now(), lease_owner: null, lease_until: null })
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return;
      await appendEvents(transaction, claim.id, [
        { type: "released", data: { attempt: claim.attempt } },
      ]);
    });
  }

  // A worker whose lease ran out is dead or cut off; its writes are void from here on.
  async #retryExpired(): Promise<void> {
    const expired = await this.database.selectFrom("runs")
      .select(["id", "attempts", "lease_owner"])
      .where("status", "=", "running").where("lease_until", "<", this.now()).execute();
    for (const { id, attempts, lease_owner } of expired) {
      await this.retry({ id, attempt: attempts }, {
        type: "LeaseExpired",
        message: `Worker ${lease_owner} was not heard from for ${LEASE_MS / 1000} s`,
      });
    }
  }
}
