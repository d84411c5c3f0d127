// The queue's side of run rows: who may work on which run, and until when.

import type { Claim } from "../store/run_store.ts";
import type { RunError } from "../spec/run.ts";
import type { Offer } from "../workers/placement.ts";

/** Attempts in a row without a new checkpoint before a run is given up. */
export const MAX_FAILURES = 3;

/** Hands out runs. A claim is fenced by its attempt number: a later claim makes earlier ones void. */
export interface RunQueue {
  /**
   * The longest waiting run that a device may take, or any if no `offer` is made; one whose lease ran out
   * waits too. Undefined if there is none.
   */
  claim(owner: string, offer?: Offer): Promise<Claim | undefined>;
  /**
   * A run that waits and may be taken now, out of turn; undefined if it is not there for the taking, or has
   * failed since its last checkpoint: such a one gets an attempt of its own.
   */
  claimRun(owner: string, id: string): Promise<Claim | undefined>;
  /** How long a claim holds without a heartbeat, in milliseconds. */
  readonly lease: number;
  /** Prolongs the lease. `lost`: stop, someone else has it. `cancel`: stop, the client asked. */
  heartbeat(claim: Claim): Promise<"held" | "cancel" | "lost">;
  /** Puts a run back after a crash, with a back-off, or ends it as failed after {@linkcode MAX_FAILURES}. */
  retry(claim: Claim, error: RunError): Promise<"queued" | "failed" | "lost">;
  /**
   * Puts a run back and does not count it as a failure: at once, or `after` what kept its host from it. One
   * that a client has cancelled ends here.
   */
  release(claim: Claim, after?: { readonly error: RunError; readonly wait: number }): Promise<void>;
}
