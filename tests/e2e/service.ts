// A real service on a port of its own, and a client for it.

import { TextLineStream } from "../../runs/text_lines.ts";
import { until } from "../support/until.ts";

/** An event as it came over the wire. */
export interface ReceivedEvent {
  readonly id: number;
  readonly type: string;
  // deno-lint-ignore no-explicit-any
  readonly data: any;
}

/** The program. */
export const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** A running service. */
export class Service implements AsyncDisposable {
  private constructor(readonly process: Deno.ChildProcess, readonly url: string) {}

  /** Starts a service on a data folder and waits until it listens. */
  static async start(
    home: string,
    env: Record<string, string> = {},
    command: readonly string[] = ["serve"],
    main = MAIN,
  ): Promise<Service> {
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", main, ...command],
      env: { NOREGRET_HOME: home, PORT: "0", HOST: "127.0.0.1", NOREGRET_THREADS: "1", ...env },
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lines = process.stdout.pipeThrough(new TextLineStream()).getReader();
    for (;;) {
      const { value, done } = await lines.read();
      if (done) break;
      const url = /http:\S+/.exec(value)?.[0];
      if (!url) continue;
      // Reads on, so that the pipe never fills.
      void (async () => {
        while (!(await lines.read()).done);
      })();
      return new Service(process, url);
    }
    throw new Error("The service ended before it listened");
  }

  /** Starts a worker on a data folder; it serves nothing. */
  static startWorker(home: string, env: Record<string, string> = {}): Deno.ChildProcess {
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", MAIN, "worker"],
      env: { NOREGRET_HOME: home, NOREGRET_THREADS: "1", ...env },
      stdout: "null",
      stderr: "inherit",
    }).spawn();
  }

  /** Asks for JSON; the status must be as expected. */
  // deno-lint-ignore no-explicit-any
  async json(path: string, init: RequestInit = {}, status = 200): Promise<any> {
    const response = await fetch(this.url + path, init);
    const text = await response.text();
    if (response.status !== status) {
      throw new Error(`${path} answered ${response.status}, expected ${status}: ${text}`);
    }
    return JSON.parse(text);
  }

  /** Posts a spec and returns the run's id. */
  async post(spec: unknown): Promise<string> {
    const init = {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(spec),
    };
    return (await this.json("/v1/runs", init, 202)).id;
  }

  /** A run's events after one of them, until the run ends or `until` says so. */
  async events(
    id: string,
    after = 0,
    until: (event: ReceivedEvent) => boolean = () => false,
  ): Promise<ReceivedEvent[]> {
    const stop = new AbortController();
    const response = await fetch(`${this.url}/v1/runs/${id}/events`, {
      headers: after > 0 ? { "Last-Event-ID": String(after) } : {},
      signal: stop.signal,
    });
    const events: ReceivedEvent[] = [];
    if (response.status === 204) return events;
    const fields = new Map<string, string>();
    for await (const line of response.body!.pipeThrough(new TextLineStream())) {
      if (line !== "") {
        const colon = line.indexOf(":");
        fields.set(line.slice(0, colon), line.slice(colon + 1).trimStart());
        continue;
      }
      if (!fields.has("id")) continue;
      const event = {
        id: Number(fields.get("id")),
        type: fields.get("event")!,
        data: JSON.parse(fields.get("data")!),
      };
      fields.clear();
      events.push(event);
      if (until(event)) break;
    }
    stop.abort();
    return events;
  }

  /** A sweep once all of its runs have ended. */
  // deno-lint-ignore no-explicit-any
  async sweep(id: string): Promise<any> {
    return await until("the sweep is done", async () => {
      const sweep = await this.json(`/v1/sweeps/${id}`);
      return sweep.status === "done" && sweep;
    });
  }

  /** What of a run's curves must not depend on luck: all but its speed. */
  async curve(id: string): Promise<unknown[]> {
    const { points } = await this.json(`/v1/runs/${id}/metrics`);
    return points.map(({ tokens_per_s: _, ...point }: Record<string, unknown>) => point);
  }

  /** Asks the service to end, and waits for it. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Deno.CommandStatus> {
    try {
      this.process.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    return await this.process.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
