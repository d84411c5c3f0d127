// Starts a process for each run, watches it, and says in the run's row what became of it. The job
// process does the work and writes the results; this one holds the lease and survives its death.

import { ENGINE_ENVIRONMENT } from "../../compute/backend/cpu/engine_flags.ts";
import type { Configuration } from "../configuration.ts";
import { isFull, isUnreachable } from "../faults.ts";
import { log } from "../log.ts";
import { permissionFlags } from "../permissions.ts";
import type { RunQueue } from "../queue/run_queue.ts";
import type { WorkerDevice } from "../spec/worker.ts";
import type { Claim } from "../store/run_store.ts";
import type { WorkerStore } from "../workers/worker_store.ts";
import {
  EXIT_DEVICE_LOST,
  EXIT_DOES_NOT_FIT,
  EXIT_STOPPED,
  EXIT_UNAVAILABLE,
} from "./exit_code.ts";
import { Registration } from "./registration.ts";
import { listenToJob, type Work } from "./work.ts";
import { workerDevices } from "./worker_devices.ts";

/** How often the queue is looked at when nothing wakes the supervisor, in milliseconds. */
const POLL_MS = 500;
/** Heartbeats in the time of a lease. */
const BEATS = 5;
/** A run that takes longer is handed back with a checkpoint and goes on from there. */
const LONGEST_CLAIM_MS = 20 * 60 * 60 * 1000;
/** A job that was asked to stop has this long to write its checkpoint. */
const GRACE_MS = 10_000;
/** Between two tries to record the end of a run, in milliseconds. */
const RECORD_MS = 1000;
/** A run waits so long after what its host was at fault for, in milliseconds. */
const UNAVAILABLE_MS = 5000;
/** The end of a job's stderr that is kept for the error message, in characters. */
const STDERR_TAIL = 2000;

/** What a supervisor works with. */
export interface SupervisorOptions {
  readonly queue: RunQueue;
  readonly workers: WorkerStore;
  readonly configuration: Configuration;
  /** Told what jobs do; nothing when one has ended. */
  readonly onWork?: (run: string, work: Work | undefined) => void;
  /** The URL of the program; the job process runs it with `run-job`. */
  readonly main: string;
}

interface Job {
  readonly claim: Claim;
  /** What it still has: that run, and those that it has taken to train with it. */
  readonly held: Set<Claim>;
  readonly device: WorkerDevice;
  readonly process: Deno.ChildProcess;
  readonly done: Promise<void>;
  /** When its lease runs out, on this process's clock. */
  heldUntil: number;
  /** When it is handed back, so that no claim lasts for days. */
  readonly handBackAt: number;
  /** A heartbeat is under way. */
  beating: boolean;
  /** Why it was asked to stop. */
  stop?: "cancel" | "shutdown" | "lost";
}

/** Runs queued runs, one on each device of this worker, and only where they fit. */
export class Supervisor {
  readonly #jobs = new Set<Job>();
  #registration: Registration | undefined;
  #stopping = false;
  #wake = () => {};
  #loop: Promise<void> | undefined;
  #heartbeat: ReturnType<typeof setInterval> | undefined;

  constructor(readonly options: SupervisorOptions) {}

  /** Starts looking for work. */
  start(): void {
    this.#loop = this.#run();
    this.#heartbeat = setInterval(() => this.#beat(), this.options.queue.lease / BEATS);
  }

  /** Process ids of the jobs by run. */
  get processes(): ReadonlyMap<string, number> {
    return new Map([...this.#jobs].map(({ claim, process }) => [claim.id, process.pid]));
  }

  /** Looks for new and cancelled runs now instead of at the next poll. */
  wake(): void {
    this.#wake();
    void this.#beatForJobs();
  }

  /** Stops all jobs, each with a checkpoint; their runs go back to the queue. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake();
    this.#registration?.drain();
    for (const job of this.#jobs) askToStop(job, "shutdown");
    await Promise.all([this.#loop, ...[...this.#jobs].map(({ done }) => done)]);
    clearInterval(this.#heartbeat);
    await this.#registration?.leave();
  }

  async #run(): Promise<void> {
    const { queue, workers, configuration } = this.options;
    const devices = await workerDevices(configuration);
    if (devices.length === 0) return;
    const registration = new Registration(workers, devices);
    this.#registration = registration;
    await registration.beat();
    while (!this.#stopping) {
      try {
        // Its own leases may be over where it stood still: it says that it is alive before it looks for such.
        if ([...this.#jobs].some(({ heldUntil }) => Date.now() > heldUntil)) {
          await this.#beatForJobs();
        }
        for (const device of devices) {
          if (this.#stopping || [...this.#jobs].some((job) => job.device === device)) continue;
          const claim = await queue.claim(registration.id, device);
          if (claim === undefined) continue;
          // It may have been asked to end while it waited for the answer.
          if (this.#stopping) await queue.release(claim);
          else this.#spawn(claim, device);
        }
      } catch (error) {
        log("error", "Cannot look for queued runs", {}, error);
      }
      if (!this.#stopping) await this.#idle();
    }
  }

  #idle(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #spawn(claim: Claim, device: WorkerDevice): void {
    const { configuration, main } = this.options;
    const program = Deno.build.standalone
      ? []
      : ["run", "--quiet", ...permissionFlags("job", configuration), main];
    const process = new Deno.Command(Deno.execPath(), {
      args: [...program, "run-job", claim.id, String(claim.attempt)],
      env: {
        NOREGRET_HOME: configuration.home,
        NOREGRET_JOBS: String(configuration.jobs),
        ...ENGINE_ENVIRONMENT,
      },
      // The job reads its stdin and stops when this process is gone.
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const job: Job = {
      claim,
      held: new Set([claim]),
      device,
      process,
      done: Promise.resolve(),
      heldUntil: Date.now() + this.options.queue.lease,
      beating: false,
      handBackAt: performance.now() + LONGEST_CLAIM_MS,
    };
    Object.assign(job, {
      done: this.#watch(job).catch((error) =>
        log("error", "Cannot record the end of a run", { run: claim.id }, error)
      ),
    });
    this.#jobs.add(job);
    log("info", "A run starts", { run: claim.id, attempt: claim.attempt, pid: process.pid });
  }

  async #watch(job: Job): Promise<void> {
    const { onWork } = this.options;
    const [tail, status] = await Promise.all([
      readTail(job.process.stderr),
      job.process.status,
      listenToJob(job.process.stdout, {
        work: (work) => onWork?.(job.claim.id, work),
        claim: (claim) => job.held.add(claim),
      }),
    ]);
    onWork?.(job.claim.id, undefined);
    const { code, signal } = status;
    log("info", "The process of a run has ended", { run: job.claim.id, code, signal });
    await job.process.stdin.close().catch(() => {});
    try {
      await this.#recordSurely(job, status, tail);
    } finally {
      this.#jobs.delete(job);
      this.#wake();
    }
  }

  // A database that is away for a while learns of it when it is back; the run is ours until somebody takes it.
  async #recordSurely(job: Job, status: Deno.CommandStatus, tail: string): Promise<void> {
    for (let tries = 0;; tries++) {
      try {
        for (const claim of job.held) await this.#record(claim, job.stop, status, tail);
        return;
      } catch (error) {
        if (!isUnreachable(error) && !isFull(error)) throw error;
        if (tries === 0) {
          log("error", "Cannot yet record a run's end", { run: job.claim.id }, error);
        }
        if (this.#stopping && tries * RECORD_MS >= GRACE_MS) throw error;
        await new Promise((resolve) => setTimeout(resolve, RECORD_MS));
      }
    }
  }

  // Whose run it is no longer says so here, and nothing changes.
  async #record(
    claim: Claim,
    stop: Job["stop"],
    status: Deno.CommandStatus,
    tail: string,
  ): Promise<void> {
    const { queue } = this.options;
    if (stop === "lost") return;
    if (stop !== undefined) return await queue.release(claim);
    const how = status.signal !== null
      ? `was killed by ${status.signal}`
      : status.code === EXIT_STOPPED
      ? "was stopped from outside"
      : `ended with code ${status.code}`;
    const message = `The job process ${how}${tail === "" ? "" : `: ${tail}`}`;
    if (status.code === EXIT_UNAVAILABLE || status.code === EXIT_STOPPED) {
      const type = status.code === EXIT_STOPPED ? "Stopped" : "Unavailable";
      return await queue.release(claim, { error: { type, message }, wait: UNAVAILABLE_MS });
    }
    if (status.code === EXIT_DOES_NOT_FIT) {
      return await queue.release(claim, { error: { type: "DoesNotFit", message: tail }, wait: 0 });
    }
    const lost = status.code === EXIT_DEVICE_LOST;
    const type = status.signal !== null ? "Killed" : lost ? "DeviceLost" : "Crashed";
    await queue.retry(claim, { type, message });
  }

  async #beat(): Promise<void> {
    await Promise.all([this.#registration?.beat(), this.#beatForJobs()]);
  }

  async #beatForJobs(): Promise<void> {
    await Promise.all(Array.from(this.#jobs, (job) => this.#beatFor(job)));
  }

  async #beatFor(job: Job): Promise<void> {
    if (job.beating) return stopIfAbandoned(job);
    job.beating = true;
    try {
      for (const claim of job.held) {
        const sent = Date.now();
        const answer = await this.options.queue.heartbeat(claim);
        if (answer === "lost") job.held.delete(claim);
        else job.heldUntil = sent + this.options.queue.lease;
        // One of several leaves the others alone: the job sees to that.
        if (answer === "cancel" && job.held.size === 1 && job.stop === undefined) {
          askToStop(job, "cancel");
        }
      }
      if (job.held.size === 0 && job.stop === undefined) askToStop(job, "lost");
      if (performance.now() > job.handBackAt) askToStop(job, "shutdown");
    } catch (error) {
      log("error", "Cannot prolong the lease of a run", { run: job.claim.id }, error);
      // A full disk keeps everyone from taking the run.
      if (isFull(error)) job.heldUntil = Date.now() + this.options.queue.lease;
      stopIfAbandoned(job);
    } finally {
      job.beating = false;
    }
  }
}

/** Nobody answers, or not yet: by now another worker may have what the job holds. */
function stopIfAbandoned(job: Job): void {
  if (Date.now() > job.heldUntil) askToStop(job, "lost");
}

function askToStop(job: Job, reason: "cancel" | "shutdown" | "lost"): void {
  job.stop ??= reason;
  kill(job.process, "SIGTERM");
  const timer = setTimeout(() => kill(job.process, "SIGKILL"), GRACE_MS);
  job.process.status.finally(() => clearTimeout(timer));
}

function kill(process: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    process.kill(signal);
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
  }
}

// Passes a job's messages on and keeps their end.
async function readTail(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let tail = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    await Deno.stderr.write(chunk);
    tail = (tail + decoder.decode(chunk, { stream: true })).slice(-STDERR_TAIL);
  }
  // deno-lint-ignore no-control-regex
  return tail.replaceAll(/\x1b\[[0-9;]*m/g, "").trim();
}
