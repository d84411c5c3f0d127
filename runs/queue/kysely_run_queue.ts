// The queue over the same rows as the store: no job exists without its run.

import { sql, type Transaction } from "kysely";
import type { RunError } from "../spec/run.ts";
import { appendEvents } from "../store/append_events.ts";
import type { Database, Tables } from "../store/database.ts";
import { held } from "../store/kysely_run_store.ts";
import type { Claim } from "../store/run_store.ts";
import type { Offer } from "../workers/placement.ts";
import { fitting } from "./fitting.ts";
import { MAX_FAILURES, type RunQueue } from "./run_queue.ts";
import { WAITING_ROWS, type WaitingLine } from "./waiting_line.ts";

/** Wait before the attempt after `failures` failures: 1 s, 4 s, 16 s …, in milliseconds. */
export function backOff(failures: number): number {
  return Math.min(1000 * 4 ** (failures - 1), 300_000);
}

/** What a queue may be told. */
export interface RunQueueOptions {
  /** Where queued runs wait, by default in their rows. */
  readonly line?: WaitingLine;
  /** How long a claim holds without a heartbeat, in milliseconds. @default {15000} */
  readonly lease?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** A queue over an open database. */
export function createRunQueue(database: Database, options: RunQueueOptions = {}): RunQueue {
  return new KyselyRunQueue(database, options);
}

class KyselyRunQueue implements RunQueue {
  readonly line: WaitingLine;
  readonly lease: number;
  readonly now: () => number;

  constructor(readonly database: Database, options: RunQueueOptions) {
    this.line = options.line ?? WAITING_ROWS;
    this.lease = options.lease ?? 15_000;
    this.now = options.now ?? Date.now;
  }

  async claim(owner: string, offer?: Offer): Promise<Claim | undefined> {
    await this.#retryExpired();
    for (;;) {
      const taken = await this.#take(owner, offer);
      if (taken !== "gone") return taken;
    }
  }

  // "gone": the line had a place of a run that no longer waits, or did not know what the run asks for.
  async #take(owner: string, offer: Offer | undefined): Promise<Claim | undefined | "gone"> {
    const now = this.now();
    return await this.database.transaction().execute(async (transaction) => {
      const id = await this.line.take(transaction, now, offer);
      if (id === undefined) return undefined;
      const claim = await this.#mark(transaction, id, owner, now, offer);
      if (claim !== undefined) return claim;
      const row = await transaction.selectFrom("runs").select("available_at")
        .where("id", "=", id).where("status", "=", "queued").executeTakeFirst();
      if (row === undefined) await this.line.remove(transaction, id);
      else await this.line.add(transaction, id, Math.max(0, row.available_at - now));
      return "gone";
    });
  }

  async claimRun(owner: string, id: string): Promise<Claim | undefined> {
    const now = this.now();
    const taken = new Error(`Run ${id} does not wait`);
    try {
      return await this.database.transaction().execute(async (transaction) => {
        const due = await transaction.selectFrom("runs").select("id")
          .where("id", "=", id).where("status", "=", "queued").where("available_at", "<=", now)
          .where("failures", "=", 0)
          .executeTakeFirst();
        if (due === undefined) return undefined;
        // The place in the line first, as in claim(), so that the two never wait for each other.
        await this.line.remove(transaction, id);
        const claim = await this.#mark(transaction, id, owner, now);
        if (claim === undefined) throw taken;
        return claim;
      });
    } catch (error) {
      if (error !== taken) throw error;
    }
  }

  async #mark(
    transaction: Transaction<Tables>,
    id: string,
    owner: string,
    now: number,
    offer?: Offer,
  ): Promise<Claim | undefined> {
    const row = await transaction.updateTable("runs")
      .set({
        status: "running",
        attempts: sql<number>`attempts + 1`,
        lease_owner: owner,
        lease_until: now + this.lease,
        started_at: sql<number>`coalesce(started_at, ${now})`,
      })
      .where("id", "=", id).where("status", "=", "queued").where(fitting(offer))
      .returning(["id", "attempts"])
      .executeTakeFirst();
    if (row === undefined) return undefined;
    await appendEvents(transaction, row.id, [
      { type: "started", data: { attempt: row.attempts, worker: owner } },
    ]);
    return { id: row.id, attempt: row.attempts };
  }

  async heartbeat(claim: Claim): Promise<"held" | "cancel" | "lost"> {
    const row = await this.database.transaction().execute(async (transaction) => {
      const row = await held(transaction, claim)
        .set({ lease_until: this.now() + this.lease })
        .returning("cancel_requested")
        .executeTakeFirst();
      if (row !== undefined) await this.line.touch(transaction, claim.id);
      return row;
    });
    return row === undefined ? "lost" : row.cancel_requested ? "cancel" : "held";
  }

  async retry(claim: Claim, error: RunError): Promise<"queued" | "failed" | "lost"> {
    return await this.#retry(claim, error);
  }

  /** `expired`: only if the lease is over by now, whatever it was when somebody looked. */
  async #retry(claim: Claim, error: RunError, expired = false) {
    return await this.database.transaction().execute(async (transaction) => {
      const now = this.now();
      const row = await held(transaction, claim)
        .$if(expired, (query) => query.where("lease_until", "<", now))
        .set({ failures: sql<number>`failures + 1`, lease_owner: null, lease_until: null })
        .returning(["failures", "cancel_requested"])
        .executeTakeFirst();
      if (row === undefined) return "lost";
      if (row.cancel_requested) {
        await this.#cancel(transaction, claim);
        return "failed";
      }
      if (row.failures >= MAX_FAILURES) {
        await held(transaction, claim)
          .set({ status: "failed", finished_at: now, error: JSON.stringify(error) }).execute();
        await appendEvents(transaction, claim.id, [{ type: "failed", data: { error } }]);
        await this.line.bury(transaction, claim.id, error.message);
        return "failed";
      }
      const wait = backOff(row.failures);
      await this.#wait(transaction, claim, wait, error);
      return "queued";
    });
  }

  async release(claim: Claim, after?: { error: RunError; wait: number }): Promise<void> {
    await this.database.transaction().execute(async (transaction) => {
      const row = await held(transaction, claim).set({ lease_owner: null, lease_until: null })
        .returning("cancel_requested").executeTakeFirst();
      if (row?.cancel_requested) await this.#cancel(transaction, claim);
      else if (row) await this.#wait(transaction, claim, after?.wait ?? 0, after?.error);
    });
  }

  /** Nobody shall take up what a client has asked to stop. */
  async #cancel(transaction: Transaction<Tables>, claim: Claim): Promise<void> {
    await held(transaction, claim)
      .set({ status: "cancelled", finished_at: this.now() }).execute();
    await appendEvents(transaction, claim.id, [{ type: "cancelled", data: {} }]);
    await this.line.remove(transaction, claim.id);
  }

  async #wait(transaction: Transaction<Tables>, claim: Claim, wait_ms: number, error?: RunError) {
    const { id, attempt } = claim;
    await held(transaction, claim)
      .set({ status: "queued", available_at: this.now() + wait_ms }).execute();
    await appendEvents(transaction, id, [
      error === undefined
        ? { type: "released", data: { attempt } }
        : { type: "retry", data: { attempt, error, wait_ms } },
    ]);
    await this.line.add(transaction, id, wait_ms);
  }

  // A worker whose lease ran out is dead or cut off; its writes are void from here on.
  async #retryExpired(): Promise<void> {
    const expired = await this.database.selectFrom("runs")
      .select(["id", "attempts", "lease_owner"])
      .where("status", "=", "running").where("lease_until", "<", this.now()).execute();
    for (const { id, attempts, lease_owner } of expired) {
      await this.#retry({ id, attempt: attempts }, {
        type: "LeaseExpired",
        message: `Worker ${lease_owner} was not heard from for ${this.lease / 1000} s`,
      }, true);
    }
  }
}
