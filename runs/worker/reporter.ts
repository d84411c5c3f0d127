// Collects what a worker learns and stores it in batches: one commit for many steps.

import { setTimeout as sleep } from "node:timers/promises";
import { isFull } from "../faults.ts";
import { log } from "../log.ts";
import type { MetricPoint, Progress, RunEvent } from "../spec/run.ts";
import type { Claim, Report, RunStore } from "../store/run_store.ts";
import type { EventFile } from "./tensorboard.ts";
import { tellWork } from "./work.ts";

/** Longest time that something known is not yet stored, in milliseconds. */
const FLUSH_MS = 200;
/** Between two tries to write to a full disk, in milliseconds. */
const FULL_MS = 1000;

/** Writes a claimed run's events and points. */
export class Reporter {
  #events: Omit<RunEvent, "seq">[] = [];
  #points: MetricPoint[] = [];
  #progress: Progress | undefined;
  #flushed = performance.now();
  #progressed = false;

  /** Bytes alive on the device. */
  deviceBytes: () => number = () => 0;
  #worked = { at: performance.now(), step: -1, tokens: 0 };

  /** Gets the points too, once they are stored. */
  tensorboard: EventFile | undefined;

  /** `signal`: aborted when the run should stop. */
  constructor(
    readonly store: RunStore,
    readonly claim: Claim,
    readonly signal: AbortSignal,
  ) {}

  /** Takes an event, and a point where it has one. */
  add(type: string, data: Record<string, unknown>, point?: MetricPoint, progress?: Progress): void {
    this.#events.push({ type, data });
    if (point) {
      const last = this.#points.at(-1);
      if (last?.step === point.step) this.#points[this.#points.length - 1] = { ...last, ...point };
      else this.#points.push(point);
    }
    if (progress) this.#progress = progress;
  }

  /** Takes what an operator should know. */
  warn(messages: readonly string[]): void {
    for (const message of messages) {
      log("error", message, { run: this.claim.id });
      this.add("warning", { message });
    }
  }

  /** Stores what is waiting if it waits for too long, and a first step at once: somebody waits for it. */
  async flushIfDue(): Promise<void> {
    const first = this.#progress !== undefined && !this.#progressed;
    if (first || performance.now() - this.#flushed >= FLUSH_MS) await this.flush();
  }

  /**
   * Stores all that is waiting, with `report`.
   *
   * @throws {ClaimLostError} if another attempt has the run.
   */
  async flush(report: Report = {}): Promise<void> {
    this.#flushed = performance.now();
    if (this.#events.length === 0 && Object.keys(report).length === 0) return;
    const events = this.#events, points = this.#points, progress = this.#progress;
    this.#events = [];
    this.#points = [];
    this.#progress = undefined;
    await this.whenRoom("store what happened", () =>
      this.store.report(this.claim, {
        events,
        points,
        ...(progress && { progress }),
        ...report,
      }));
    if (points.length > 0) await this.tensorboard?.add(points);
    if (!progress) return;
    this.#progressed = true;
    this.#tell(progress);
  }

  /**
   * Does what needs room on a disk. Where there is none the run stands still, says so, and goes on once
   * there is.
   *
   * @throws the signal's reason if the run should stop meanwhile.
   */
  async whenRoom<T>(what: string, action: () => Promise<T>): Promise<T> {
    for (let tries = 0;; tries++) {
      try {
        const done = await action();
        if (tries > 0) await this.#warn("There is room again: the run goes on");
        return done;
      } catch (error) {
        if (!isFull(error)) throw error;
        this.signal.throwIfAborted();
        const { message } = error as Error;
        if (tries === 0) await this.#warn(`Cannot ${what}: ${message}; the run waits for room`);
        await sleep(FULL_MS);
        this.signal.throwIfAborted();
      }
    }
  }

  // A database on the disk that is full cannot be told.
  async #warn(message: string): Promise<void> {
    log("error", message, { run: this.claim.id });
    try {
      await this.store.report(this.claim, { events: [{ type: "warning", data: { message } }] });
    } catch (error) {
      if (!isFull(error)) throw error;
    }
  }

  // The first report of a process only says where it starts from.
  #tell({ step, tokens = 0 }: Progress): void {
    const before = this.#worked;
    this.#worked = { at: this.#flushed, step, tokens };
    if (before.step < 0 || step <= before.step) return;
    tellWork({
      steps: step - before.step,
      seconds: (this.#flushed - before.at) / 1000,
      tokens: tokens - before.tokens,
      deviceBytes: this.deviceBytes(),
    });
  }
}
