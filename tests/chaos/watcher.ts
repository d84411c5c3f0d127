// A client that follows a run's events through everything: it connects again where it was cut off, with
// the number of the last event that it has, and notes any number that is missing or comes twice.

import { TextLineStream } from "../../runs/text_lines.ts";
import type { ReceivedEvent } from "../e2e/service.ts";

/** A run is lost where nothing is heard of it for so long, in milliseconds. */
const PATIENCE_MS = 240_000;
const FINAL = ["succeeded", "failed", "cancelled"];

/** Follows one run. */
export class Watcher {
  readonly events: ReceivedEvent[] = [];
  /** What was wrong with the stream. */
  readonly faults: string[] = [];
  /** How often it had to connect. */
  connections = 0;
  readonly #listeners = new Set<() => void>();
  readonly #stop = new AbortController();
  #heard = Date.now();
  /** Resolves when the run has ended, or is given up. */
  readonly ended: Promise<void>;

  constructor(readonly url: string) {
    this.ended = this.#follow().finally(() => this.#tell());
  }

  /** True once there is nothing more to come. */
  get over(): boolean {
    return this.#stop.signal.aborted || FINAL.includes(this.events.at(-1)?.type ?? "");
  }

  /** The newest event of a type. */
  last(type: string): ReceivedEvent | undefined {
    return this.events.findLast((event) => event.type === type);
  }

  /** The first event after number `after` that `is`; undefined if the run ends without, or `ms` are over. */
  async until(
    is: (event: ReceivedEvent) => boolean,
    after = 0,
    ms = Infinity,
  ): Promise<ReceivedEvent | undefined> {
    for (let left = ms;;) {
      const found = this.events.find((event) => event.id > after && is(event));
      if (found || this.over || left <= 0) return found;
      const from = Date.now();
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.#listeners.delete(done);
          resolve();
        };
        const timer = setTimeout(done, Math.min(1000, left));
        this.#listeners.add(done);
      });
      // A machine that stood still does not count.
      left -= Math.min(2000, Date.now() - from);
    }
  }

  /** Stops following. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  async #follow(): Promise<void> {
    while (!this.over) {
      try {
        await this.#connect();
      } catch {
        // Cut off: once more, as a browser does.
      }
      if (this.over) return;
      if (Date.now() - this.#heard > PATIENCE_MS) {
        this.faults.push(`nothing was heard for ${PATIENCE_MS / 1000} s`);
        this.#stop.abort();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #connect(): Promise<void> {
    const last = this.events.at(-1)?.id ?? 0;
    // A service that was frozen may have kept the connection open and forgotten it.
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(60_000)]);
    const headers: HeadersInit = last > 0 ? { "Last-Event-ID": String(last) } : {};
    const response = await fetch(this.url, { headers, signal });
    if (response.status !== 200) {
      if (response.status < 500) {
        this.faults.push(`the stream after event ${last} answered ${response.status}`);
      }
      return await response.body?.cancel();
    }
    this.connections++;
    const fields = new Map<string, string>();
    for await (const line of response.body!.pipeThrough(new TextLineStream())) {
      if (line !== "") {
        const colon = line.indexOf(":");
        fields.set(line.slice(0, colon), line.slice(colon + 1).trimStart());
      } else if (fields.has("id") && fields.has("data")) {
        this.#take(Number(fields.get("id")), fields.get("event")!, fields.get("data")!);
        fields.clear();
        if (this.over) return;
      }
    }
  }

  #take(id: number, type: string, data: string): void {
    const expected = (this.events.at(-1)?.id ?? 0) + 1;
    if (id !== expected) this.faults.push(`event ${id} came where ${expected} was expected`);
    this.events.push({ id, type, data: JSON.parse(data) });
    this.#heard = Date.now();
    this.#tell();
  }
}
