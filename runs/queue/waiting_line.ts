// Where queued runs wait. Every method takes the transaction that changes the run's row: no run
// without its place in the line, no place without its run.

import type { Transaction } from "kysely";
import type { Tables } from "../store/database.ts";
import type { Offer } from "../workers/placement.ts";
import { fitting } from "./fitting.ts";

/** The line of queued runs. */
export interface WaitingLine {
  /** Puts a run in, to be taken after `wait` milliseconds. */
  add(transaction: Transaction<Tables>, id: string, wait: number): Promise<void>;
  /** Takes the run that has waited longest of those that a device may take; undefined if there is none. */
  take(
    transaction: Transaction<Tables>,
    now: number,
    offer: Offer | undefined,
  ): Promise<string | undefined>;
  /** Says that a run that was taken is still worked on. */
  touch(transaction: Transaction<Tables>, id: string): Promise<void>;
  /** Forgets a run: it has ended, or nobody shall take it. */
  remove(transaction: Transaction<Tables>, id: string): Promise<void>;
  /** Puts a run that was given up where an operator finds it. */
  bury(transaction: Transaction<Tables>, id: string, reason: string): Promise<void>;
}

/** The line of an SQLite database: the rows themselves are it. */
export const WAITING_ROWS: WaitingLine = {
  add: () => Promise.resolve(),
  touch: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  bury: () => Promise.resolve(),
  async take(transaction, now, offer) {
    const row = await transaction.selectFrom("runs").select("id")
      .where("status", "=", "queued").where("available_at", "<=", now)
      .where(fitting(offer))
      .orderBy("available_at").orderBy("id").limit(1)
      .executeTakeFirst();
    return row?.id;
  },
};
