// A worker's entry in the list of workers: made when it starts, kept alive, marked when it ends. The list is
// for people and for placing runs; whether a worker holds a run is decided by its lease alone, so a database
// that does not answer here stops nothing.

import { log } from "../log.ts";
import type { WorkerDevice } from "../spec/worker.ts";
import { CODE_VERSION } from "../submit_run.ts";
import { workerId, type WorkerStore } from "../workers/worker_store.ts";

/** The end of a worker waits no longer than this for the database, in milliseconds. */
const LEAVE_MS = 2000;

/** One worker's entry. */
export class Registration {
  readonly id: string = workerId(Deno.hostname(), Deno.pid);
  #registered = false;
  #draining = false;
  #busy = false;

  constructor(readonly workers: WorkerStore, readonly devices: readonly WorkerDevice[]) {}

  /** Says that the worker is alive; the first time, what it has. */
  async beat(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      if (this.#registered) {
        // One that was cut off for a day is no longer known.
        const known = await this.workers.beat(this.id, this.#draining ? "draining" : "ready");
        if (known) return;
      }
      const { devices } = this;
      const host = Deno.hostname(), { pid } = Deno;
      await this.workers.register({ host, pid, version: CODE_VERSION, devices });
      this.#registered = true;
    } catch (error) {
      log("error", "Cannot tell that this worker is alive", {}, error);
    } finally {
      this.#busy = false;
    }
  }

  /** Says that the worker takes no more runs. */
  drain(): void {
    this.#draining = true;
    if (this.#registered) void this.beat();
  }

  /** Says that the worker has ended. */
  async leave(): Promise<void> {
    if (!this.#registered) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, LEAVE_MS));
    const leaving = this.workers.leave(this.id).catch((error) =>
      log("error", "Cannot tell that this worker has ended", {}, error)
    );
    await Promise.race([leaving, late]);
    clearTimeout(timer);
  }
}
