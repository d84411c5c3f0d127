// The process that generates: reads requests from its standard input, runs them side by side in one batch where
// they want the same model, one group after the other where they do not, and ends when its input does.

import { openArtifacts } from "../artifacts/open_artifacts.ts";
import { type Configuration, homePaths } from "../configuration.ts";
import { InvalidSpecError } from "../spec/problems.ts";
import { TextLineStream } from "../text_lines.ts";
import { AccuracyTask } from "./accuracy_task.ts";
import { GenerateTask } from "./generate_task.ts";
import { GenerationEngine } from "./generation_engine.ts";
import { NllTask } from "./nll_task.ts";
import type { Command, Job, JobEvent } from "./generation_protocol.ts";

interface Waiting {
  readonly id: number;
  readonly job: Job;
}

/** What a job does once its model is there. */
export interface Task {
  /**
   * Does its share of a step and tells what has come; true at its end.
   *
   * @throws {InvalidSpecError} if the request turns out to be wrong.
   */
  report(): boolean | Promise<boolean>;
  /** Makes the next report the last: it lets go of what the task holds. */
  cancel(): void;
}

/** Serves requests until standard input ends. */
export async function runGenerator(configuration: Configuration): Promise<void> {
  const engine = new GenerationEngine({
    ...configuration,
    paths: homePaths(configuration.home),
    artifacts: await openArtifacts(configuration),
  });
  const server = new GenerationServer(engine, (line) => {
    Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
  });
  const working = server.work();
  for await (const line of Deno.stdin.readable.pipeThrough(new TextLineStream())) {
    server.take(JSON.parse(line) as Command);
  }
  server.stop();
  await working;
  engine.close();
}

/**
 * Begins a job on a loaded model.
 *
 * @throws {InvalidSpecError} if it does not fit the model.
 */
export function openTask(
  job: Job,
  engine: GenerationEngine,
  emit: (event: JobEvent) => void,
): Task | Promise<Task> {
  if (job.kind === "generate") return new GenerateTask(job.request, engine, emit);
  return job.request.task.kind === "nll"
    ? NllTask.open(job.request, engine, emit)
    : AccuracyTask.open(job.request, engine, emit);
}

/** Requests in line and under way. */
export class GenerationServer {
  readonly #waiting: Waiting[] = [];
  /** The request whose model is being loaded. */
  #starting: { readonly id: number; cancelled: boolean } | undefined;
  readonly #tasks = new Map<number, Task>();
  #stopped = false;
  #wake = () => {};

  constructor(readonly engine: GenerationEngine, readonly send: (line: string) => void) {}

  /** Takes a command in. */
  take(command: Command): void {
    if ("job" in command) this.#waiting.push(command);
    else {
      const at = this.#waiting.findIndex(({ id }) => id === command.id);
      if (at >= 0) this.#waiting.splice(at, 1);
      if (this.#starting?.id === command.id) this.#starting.cancelled = true;
      this.#tasks.get(command.id)?.cancel();
    }
    this.#wake();
  }

  /** Ends {@linkcode work} after the step under way. */
  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  /** Works until stopped. */
  async work(): Promise<void> {
    while (!this.#stopped) {
      await this.#start();
      if (this.engine.idle && this.#tasks.size === 0) {
        if (this.#waiting.length === 0 && !this.#stopped) await this.#sleep();
        continue;
      }
      await this.#step();
      // Lets commands in: on the cpu a step waits for nothing.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** Starts those in line who want what is loaded; loads what the first wants once nothing is under way. */
  async #start(): Promise<void> {
    while (this.#waiting.length > 0) {
      const { id, job } = this.#waiting[0]!;
      const free = this.engine.idle && this.#tasks.size === 0;
      if (!free && !this.engine.has(job.request)) return;
      this.#waiting.shift();
      const starting = this.#starting = { id, cancelled: false };
      const emit = (event: JobEvent) => this.send(JSON.stringify({ id, ...event }));
      await this.#guard(emit, async () => {
        await this.engine.load(job.request);
        if (starting.cancelled) return;
        const task = await openTask(job, this.engine, emit);
        if (starting.cancelled) task.cancel();
        this.#tasks.set(id, task);
      });
      this.#starting = undefined;
    }
  }

  async #step(): Promise<void> {
    try {
      await this.engine.generator.step();
      for (const [id, task] of this.#tasks) {
        if (await this.#report(id, task)) this.#tasks.delete(id);
      }
    } catch (error) {
      // The device is lost, and with it everything under way: a new process begins afresh.
      console.error(error);
      Deno.exit(1);
    }
  }

  /** Lets a task do its share; true at its end, also where its request turns out to be wrong only now. */
  async #report(id: number, task: Task): Promise<boolean> {
    try {
      return await task.report();
    } catch (error) {
      if (!(error instanceof InvalidSpecError)) throw error;
      task.cancel();
      await task.report();
      this.send(JSON.stringify({ id, type: "invalid", problems: error.problems }));
      return true;
    }
  }

  async #guard(emit: (event: JobEvent) => void, body: () => Promise<void>): Promise<void> {
    try {
      await body();
    } catch (error) {
      if (error instanceof InvalidSpecError) {
        emit({ type: "invalid", problems: error.problems });
      } else {
        console.error(error);
        emit({ type: "failed", message: (error as Error).message });
      }
    }
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }
}
