// What is stored of workers, so that all of them can be seen from everywhere.

import type { MemoryNeeds, Worker, WorkerDevice } from "../spec/worker.ts";
import type { Requirements } from "./placement.ts";

/** A worker that reports for work. */
export interface NewWorker {
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly devices: readonly WorkerDevice[];
}

/** Where workers are registered. */
export interface WorkerStore {
  /** Registers a worker, or the next process of the same host and number. */
  register(worker: NewWorker): Promise<void>;
  /**
   * Says that a worker is alive, and whether it still takes runs.
   *
   * @returns false if it has been forgotten, and must register again.
   */
  beat(id: string, status: "ready" | "draining"): Promise<boolean>;
  /** Says that a worker has ended. */
  leave(id: string): Promise<void>;
  /** All workers of the last day, those that live first. */
  list(): Promise<Worker[]>;
  /** What the queued runs ask of a device, each kind once with its number of runs. */
  waiting(): Promise<(Requirements & { readonly runs: number })[]>;
}

/** A worker's id, which is also the owner of its claims. */
export function workerId(host: string, pid: number): string {
  return `${host}:${pid}`;
}

/** Nothing is known. */
export const UNKNOWN_NEEDS: MemoryNeeds = { cpu: null, webgpu: null };
