// What is stored of sweeps. Their runs are ordinary ones, in the run store.

import type { Run } from "../spec/run.ts";
import type { SweepRequest } from "../spec/sweep.ts";
import type { Changes } from "../spec/vary_spec.ts";
import type { NewRun } from "./run_store.ts";

/** A sweep to be stored. */
export interface NewSweep {
  readonly request: SweepRequest;
  readonly runs: readonly (Omit<NewRun, "idempotencyKey"> & { readonly changes: Changes })[];
  /** The client's Idempotency-Key: the same key and request give the same sweep again. */
  readonly idempotencyKey?: string | undefined;
}

/** A sweep with its runs, in the order of the request. */
export interface StoredSweep {
  readonly id: string;
  readonly request: SweepRequest;
  readonly created_at: string;
  readonly runs: readonly {
    readonly run: Run;
    readonly changes: Changes;
    readonly stoppedEarly: boolean;
  }[];
}

/** A sweep apart from its runs. */
export interface SweepRecord {
  readonly id: string;
  readonly request: SweepRequest;
  readonly created_at: string;
  readonly runs: readonly {
    readonly run_id: string;
    readonly changes: Changes;
    readonly stopped_early: boolean;
  }[];
}

/** Where sweeps are kept. */
export interface SweepStore {
  /**
   * Stores a sweep and all its runs as queued, or nothing.
   *
   * @throws {IdempotencyConflictError} if the key belongs to a different request.
   */
  create(sweep: NewSweep): Promise<{ id: string; created: boolean }>;
  /** Stores a sweep from elsewhere whose runs are here; one of this id is left as it is. */
  importSweep(sweep: SweepRecord): Promise<void>;
  get(id: string): Promise<StoredSweep | undefined>;
  /** Ids, newest first, older than `before`. */
  list(limit: number, before?: string): Promise<string[]>;
  /** Ids of the sweeps with early stopping that have a running run. */
  withEarlyStopping(): Promise<string[]>;
  /**
   * The sweep of a run that asks for its runs to share one base; undefined where there is none, and for a run
   * that has failed since its last checkpoint: alone it takes nobody with it, and nobody takes it.
   */
  sharing(run: string): Promise<StoredSweep | undefined>;
  /** Notes why a run of a sweep is cancelled. */
  markStoppedEarly(id: string, run: string): Promise<void>;
}
