// The service's side of generation: a process that owns the device, started when first needed, shared by all
// requests, and let go when none has come for a while. The service itself never computes.

import { ENGINE_ENVIRONMENT } from "../../compute/backend/cpu/engine_flags.ts";
import type { Configuration } from "../configuration.ts";
import { permissionFlags } from "../permissions.ts";
import { InvalidSpecError } from "../spec/problems.ts";
import { TextLineStream } from "../text_lines.ts";
import type { Command, Job, JobEvent, Reply } from "./generation_protocol.ts";

/** The process ended, or something in it broke: not the request's fault. */
export class GenerationFailedError extends Error {
  override readonly name = "GenerationFailedError";
}

/** What the service works with. */
export interface GenerationServiceOptions {
  readonly configuration: Configuration;
  /** The program's entry point; the process runs it with `run-generator`. */
  readonly main: string;
}

type Listener = (event: JobEvent) => void;

/** A running process. */
class Worker {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #listeners = new Map<number, Listener>();
  readonly ended: Promise<void>;
  #next = 0;

  constructor({ configuration, main }: GenerationServiceOptions) {
    const program = Deno.build.standalone
      ? []
      : ["run", "--quiet", ...permissionFlags("job", configuration), main];
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [...program, "run-generator"],
      env: { NOREGRET_HOME: configuration.home, ...ENGINE_ENVIRONMENT },
      // The process ends when its stdin does, also where this one is killed.
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.ended = this.#listen();
  }

  get pid(): number {
    return this.#process.pid;
  }

  get busy(): boolean {
    return this.#listeners.size > 0;
  }

  /** Hands a job over; `listener` hears what happens until its end. Returns a way to cancel it. */
  submit(job: Job, listener: Listener): () => void {
    const id = this.#next++;
    this.#listeners.set(id, listener);
    this.#send({ id, job });
    return () => {
      if (this.#listeners.delete(id)) this.#send({ id, cancel: true });
    };
  }

  /** Lets the process end by itself. */
  async close(): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.ended;
  }

  #send(command: Command): void {
    // A process that is gone is noticed where its output ends.
    this.#input.write(new TextEncoder().encode(JSON.stringify(command) + "\n")).catch(() => {});
  }

  async #listen(): Promise<void> {
    for await (const line of this.#process.stdout.pipeThrough(new TextLineStream())) {
      const { id, ...event } = JSON.parse(line) as Reply;
      const listener = this.#listeners.get(id);
      if (event.type === "done" || event.type === "invalid" || event.type === "failed") {
        this.#listeners.delete(id);
      }
      listener?.(event as JobEvent);
    }
    const { code, signal } = await this.#process.status;
    const message = `The generation process ended with ${signal ?? `code ${code}`}`;
    for (const listener of this.#listeners.values()) listener({ type: "failed", message });
    this.#listeners.clear();
  }
}

/** Continues prompts and judges models, for any number of clients at once. */
export class GenerationService implements AsyncDisposable {
  #worker: Worker | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(readonly options: GenerationServiceOptions) {}

  /**
   * Runs a job, yielding what happens. Stops it when `signal` is aborted or the caller stops reading.
   *
   * @throws {InvalidSpecError} if the job cannot be done as it is asked.
   * @throws {GenerationFailedError} if the process broke.
   */
  async *run(job: Job, signal?: AbortSignal): AsyncGenerator<JobEvent> {
    const events: JobEvent[] = [];
    let wake = () => {};
    const worker = this.#open();
    const cancel = worker.submit(job, (event) => {
      events.push(event);
      wake();
    });
    const aborted = () => wake();
    signal?.addEventListener("abort", aborted);
    try {
      for (;;) {
        if (signal?.aborted) return;
        const event = events.shift();
        if (event === undefined) {
          await new Promise<void>((resolve) => wake = resolve);
          continue;
        }
        if (event.type === "invalid") throw new InvalidSpecError(event.problems);
        if (event.type === "failed") throw new GenerationFailedError(event.message);
        if (event.type === "done") return;
        yield event;
      }
    } finally {
      signal?.removeEventListener("abort", aborted);
      cancel();
      if (!worker.busy) this.#rest();
    }
  }

  /** The process's id, while there is one. */
  get pid(): number | undefined {
    return this.#worker?.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    await this.#worker?.close();
  }

  #open(): Worker {
    if (this.#closed) throw new GenerationFailedError("The service is closing");
    clearTimeout(this.#idle);
    if (this.#worker === undefined) {
      const worker = this.#worker = new Worker(this.options);
      void worker.ended.finally(() => {
        if (this.#worker === worker) this.#worker = undefined;
      });
    }
    return this.#worker;
  }

  /** Lets the process, and the memory of its device, go after a while without work. */
  #rest(): void {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#idle = setTimeout(() => {
      if (worker === undefined || worker.busy) return;
      if (this.#worker === worker) this.#worker = undefined;
      void worker.close();
    }, this.options.configuration.generationIdle);
    Deno.unrefTimer(this.#idle as unknown as number);
  }
}
