// What is stored of runs, behind one narrow interface. Its implementations are the only writers of
// run rows; the queue's side of the same rows is in ../queue/run_queue.ts.

import type { RunSpec } from "../spec/run_spec.ts";
import type { MemoryNeeds } from "../spec/worker.ts";
import type {
  MetricPoint,
  Progress,
  Run,
  RunError,
  RunEvent,
  RunResult,
  RunStatus,
} from "../spec/run.ts";

/** A run to be stored. */
export interface NewRun {
  readonly spec: RunSpec;
  readonly specHash: string;
  readonly codeVersion: string;
  /** What it takes on a device, where that is known; a worker finds out otherwise. */
  readonly needs?: MemoryNeeds | undefined;
  /** The client's Idempotency-Key: the same key and request give the same run again. */
  readonly idempotencyKey?: string | undefined;
}

/** Which runs to list, newest first. */
export interface RunFilter {
  readonly status?: RunStatus | undefined;
  readonly model?: string | undefined;
  readonly specHash?: string | undefined;
  /** Only runs older than the run of this id. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** The right to write to a running run: whoever holds an older attempt has lost it. */
export interface Claim {
  readonly id: string;
  readonly attempt: number;
}

/** What a worker has learnt since its last report. All of it is stored, or none. */
export interface Report {
  readonly events?: readonly Omit<RunEvent, "seq">[];
  /** Merged by step into what is there. */
  readonly points?: readonly MetricPoint[];
  readonly progress?: Progress;
  /** Drops the points after this step: they will come again. */
  readonly resumedFrom?: number;
  /** The run has got further than any attempt before it: its failures are forgiven. */
  readonly checkpointed?: boolean;
  readonly backend?: string;
  readonly device?: string;
  /** What it takes on a device. */
  readonly needs?: MemoryNeeds;
}

/** How a run ended. */
export type Ending =
  | { readonly status: "succeeded"; readonly result: RunResult }
  | { readonly status: "failed"; readonly error: RunError }
  | { readonly status: "cancelled" };

/** Another attempt owns the run, or it has ended: the holder of this claim must stop. */
export class ClaimLostError extends Error {
  override readonly name = "ClaimLostError";

  constructor(claim: Claim) {
    super(`Cannot write to run ${claim.id}: attempt ${claim.attempt} no longer holds it`);
  }
}

/** The key was used before with a different request. */
export class IdempotencyConflictError extends Error {
  override readonly name = "IdempotencyConflictError";
}

/** Where runs are kept. */
export interface RunStore {
  /**
   * Stores a run as queued.
   *
   * @throws {IdempotencyConflictError} if the key belongs to a different spec.
   */
  create(run: NewRun): Promise<{ run: Run; created: boolean }>;
  get(id: string): Promise<Run | undefined>;
  list(filter: RunFilter): Promise<Run[]>;
  /** How many runs there are in each state; states without any are left out. */
  countByStatus(): Promise<Partial<Record<RunStatus, number>>>;
  /** Ends a queued run, asks a running one to stop, leaves others alone. */
  requestCancel(id: string): Promise<Run | undefined>;
  /** Events after `after`, in order, at most `limit`. */
  events(id: string, after: number, limit: number): Promise<RunEvent[]>;
  /** The number of the last event; 0 if there is none. */
  lastEvent(id: string): Promise<number>;
  /** The last `limit` events of a type, in order. */
  lastEvents(id: string, type: string, limit: number): Promise<RunEvent[]>;
  /**
   * The points by step: all of them, or about `most`, evenly over the steps, and as many with a
   * held-out loss.
   */
  points(id: string, most?: number): Promise<MetricPoint[]>;
  /** The points that have a held-out loss, by step. */
  evaluations(id: string): Promise<MetricPoint[]>;
  /**
   * Stores a run that has ended elsewhere, with all that it left in events and points.
   *
   * @returns false if there is a run of this id, which is then left as it is.
   */
  importRun(
    run: Run,
    events: readonly RunEvent[],
    points: readonly MetricPoint[],
  ): Promise<boolean>;
  /** @throws {ClaimLostError} */
  report(claim: Claim, report: Report): Promise<void>;
  /** @throws {ClaimLostError} */
  finish(claim: Claim, ending: Ending): Promise<void>;
}
