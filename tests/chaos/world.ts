// A small installation that faults may be let loose on: one service, some workers, a database, a disk;
// and clients that follow its runs. Whatever died is started again by `heal`, as an init system would.

import { join } from "@std/path";
import type { ArtifactStore } from "../../runs/artifacts/artifact_store.ts";
import { openArtifacts } from "../../runs/artifacts/open_artifacts.ts";
import { homePaths } from "../../runs/configuration.ts";
import type { RunSpecInput } from "../../runs/spec/run_spec.ts";
import { canonicalJson } from "../../runs/spec/spec_hash.ts";
import { exists } from "../../runs/write_file.ts";
import { MAIN, Service } from "../e2e/service.ts";
import { fillTinyHome } from "../runs/tiny_home.ts";
import { writeSums } from "../runs/tiny_sums.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { type S3Server, startS3 } from "../support/s3.ts";
import { Proxy } from "./proxy.ts";
import { mountSmallDisk, type SmallDisk } from "./small_disk.ts";
import { Watcher } from "./watcher.ts";

/** How a world is made. */
export interface WorldOptions {
  readonly database: "sqlite" | "postgres";
  /** Where artifacts lie; in a store of their own, hosts with PostgreSQL share no disk. */
  readonly artifacts?: "disk" | "s3";
  readonly workers: number;
  /** The program, instead of main.ts. */
  readonly program?: string;
  /** Shows what the processes log. */
  readonly verbose?: boolean;
}

/** A worker with its own wire to the database. */
export interface Worker {
  readonly process: Deno.ChildProcess;
  readonly proxy: Proxy | undefined;
  alive: boolean;
}

/** A run and the client that follows it. */
export interface WatchedRun {
  readonly id: string;
  readonly spec: RunSpecInput;
  readonly watcher: Watcher;
  /** How many attempts had begun when a client was told that it will stop; undefined: nobody asked. */
  cancelledAfter?: number;
}

/** What an undisturbed run left. */
export interface Reference {
  /** A point a line. */
  readonly curve: readonly string[];
  readonly weights: string;
}

/** Leases are short, so that what waits for their end need not wait long, in seconds. */
const LEASE = 2;
const DISK_MB = 192;

/** A running installation. */
export class World implements AsyncDisposable {
  readonly workers: Worker[] = [];
  readonly runs: WatchedRun[] = [];
  /** Runs of elsewhere that were taken in. */
  readonly imported = new Set<string>();
  /** Answers that no fault excuses. */
  readonly wrong: string[] = [];
  readonly #homes: string[] = [];
  readonly #references = new Map<string, Promise<Reference>>();
  readonly #port = freePort();
  #service: Service | undefined;

  private constructor(
    readonly options: WorldOptions,
    readonly home: string,
    readonly disk: SmallDisk | undefined,
    readonly server: PostgresServer | undefined,
    readonly databaseUrl: string | undefined,
    readonly s3: S3Server | undefined,
  ) {}

  /** Starts everything. */
  static async open(options: WorldOptions): Promise<World> {
    const server = options.database === "postgres" ? await startPostgres() : undefined;
    const disk = await mountSmallDisk(DISK_MB);
    const home = disk?.folder ?? await Deno.makeTempDir({ prefix: "noregret-" });
    const s3 = options.artifacts === "s3" ? await startS3() : undefined;
    await fillTinyHome(home);
    await writeSums(home);
    const world = new World(options, home, disk, server, await server?.createDatabase(), s3);
    await world.heal();
    return world;
  }

  /** Where artifacts lie as files: in the data folder, or those of the store. */
  get artifactFolder(): string {
    return this.s3?.folder ?? this.home;
  }

  /** The artifacts as one more host sees them; `scratch` is for copies. */
  async artifacts(scratch: string): Promise<ArtifactStore> {
    return this.s3 === undefined
      ? await openArtifacts({ home: this.home, s3: undefined })
      : await openArtifacts({ home: scratch, s3: this.s3.location }, "job");
  }

  get paths(): ReturnType<typeof homePaths> {
    return homePaths(this.home);
  }

  get service(): Service {
    return this.#service!;
  }

  /** The worker that has a run, as far as its client knows. */
  workerOf({ watcher }: WatchedRun): Worker | undefined {
    const owner = watcher.last("started")?.data.worker as string | undefined;
    const pid = Number(owner?.split(":").at(-1));
    return this.workers.find(({ process, alive }) => alive && process.pid === pid);
  }

  /** Starts whatever is not running. */
  async heal(): Promise<void> {
    if (this.#service === undefined || !this.#serving) await this.#serve();
    this.workers.splice(0, this.workers.length, ...this.workers.filter(({ alive }) => alive));
    while (this.workers.length < this.options.workers) await this.#startWorker();
  }

  /** Queues a run, asking again until the service has answered, and follows it. */
  async submit(spec: RunSpecInput): Promise<WatchedRun> {
    const { id } = await this.#post("/v1/runs", spec);
    return this.#follow(id, spec);
  }

  /** Queues runs that differ in method and optimizer, to train together, and follows each. */
  async submitTogether(specs: readonly RunSpecInput[]): Promise<WatchedRun[]> {
    const list = specs.map(({ method, optimizer }) => ({ method, optimizer }));
    const { runs } = await this.#post("/v1/sweeps", { spec: specs[0], list, shared_base: true });
    return runs.map(({ run_id }: { run_id: string }, i: number) => this.#follow(run_id, specs[i]!));
  }

  async #post(path: string, body: unknown) {
    return await this.ask(path, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        // However often it is sent, it is one run.
        "Idempotency-Key": crypto.randomUUID(),
      },
      body: JSON.stringify(body),
    });
  }

  #follow(id: string, spec: RunSpecInput): WatchedRun {
    const run = { id, spec, watcher: new Watcher(`${this.service.url}/v1/runs/${id}/events`) };
    this.runs.push(run);
    return run;
  }

  /** Asks for JSON until there is an answer; only refusals are final. */
  // deno-lint-ignore no-explicit-any
  async ask(path: string, init: RequestInit = {}): Promise<any> {
    return JSON.parse(new TextDecoder().decode(await this.askBytes(path, init)));
  }

  /** Asks for bytes until all of them came; only refusals are final. */
  async askBytes(path: string, init: RequestInit = {}): Promise<Uint8Array<ArrayBuffer>> {
    for (let tries = 0;; tries++) {
      try {
        const response = await fetch(this.service.url + path, init);
        const bytes = await response.bytes();
        if (response.ok) return bytes;
        const answer = `${path} answered ${response.status}: ${new TextDecoder().decode(bytes)}`;
        if (response.status === 500) this.wrong.push(answer);
        if (response.status < 500 || tries === 600) throw new RangeError(answer);
      } catch (error) {
        if (error instanceof RangeError || tries === 600) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** What a run leaves: its curve without speeds, and the bytes of its weights. */
  async remains({ id, spec }: WatchedRun): Promise<Reference> {
    const { points } = await this.ask(`/v1/runs/${id}/metrics`);
    for (const point of points) {
      for (const name of Object.keys(point)) if (name.endsWith("_per_s")) delete point[name];
    }
    const file = spec.method.kind === "full" ? "model" : "adapter_model";
    const weights = await this.askBytes(`/v1/runs/${id}/adapter/${file}.safetensors`)
      .then((bytes) => bytes.toBase64(), (error) => String(error));
    return { curve: points.map((point: unknown) => canonicalJson(point)), weights };
  }

  /** What a run of this spec leaves that nothing disturbs: call it first while there is peace. */
  async reference(spec: RunSpecInput): Promise<Reference> {
    const key = JSON.stringify(spec);
    if (!this.#references.has(key)) {
      this.#references.set(
        key,
        (async () => {
          const run = await this.submit(spec);
          await run.watcher.ended;
          return await this.remains(run);
        })(),
      );
    }
    return await this.#references.get(key)!;
  }

  /** Asks every process to end. */
  async stop(): Promise<void> {
    await Promise.all(this.runs.map(({ watcher }) => watcher.close()));
    for (const { process, alive } of this.workers) if (alive) process.kill("SIGTERM");
    await Promise.all(this.workers.map(({ process }) => process.status));
    await this.#service?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for (const { proxy } of this.workers) await proxy?.[Symbol.asyncDispose]();
    for (const home of this.#homes) await Deno.remove(home, { recursive: true });
    if (this.disk) await this.disk[Symbol.asyncDispose]();
    else await Deno.remove(this.home, { recursive: true });
    await this.s3?.[Symbol.asyncDispose]();
    await this.server?.[Symbol.asyncDispose]();
  }

  #serving = false;

  async #serve(): Promise<void> {
    const env = { ...this.#environment(this.databaseUrl), NOREGRET_JOBS: "0" };
    const port = { PORT: String(this.#port) };
    this.#service = await Service.start(this.home, { ...env, ...port });
    this.#serving = true;
    void this.#service.process.status.then(() => this.#serving = false);
  }

  // A host that shares neither disk nor data folder has what it trains on shipped with it.
  async #homeOfWorker(): Promise<string> {
    if (this.s3 === undefined || this.server === undefined) return this.home;
    const home = await Deno.makeTempDir({ prefix: "noregret-host-" });
    this.#homes.push(home);
    await fillTinyHome(home);
    await writeSums(home);
    return home;
  }

  async #startWorker(): Promise<void> {
    const home = await this.#homeOfWorker();
    const wire = this.databaseUrl === undefined ? undefined : Proxy.before(this.databaseUrl);
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", this.options.program ?? MAIN, "worker"],
      env: {
        NOREGRET_HOME: home,
        NOREGRET_THREADS: "1",
        ...this.#environment(wire?.url),
      },
      stdout: "null",
      stderr: this.options.verbose ? "inherit" : "null",
    }).spawn();
    const worker: Worker = { process, proxy: wire?.proxy, alive: true };
    void process.status.then(() => worker.alive = false);
    this.workers.push(worker);
  }

  #environment(databaseUrl: string | undefined): Record<string, string> {
    return {
      NOREGRET_LEASE: String(LEASE),
      ...this.s3?.env,
      ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
    };
  }
}

/** Whether a process is there. */
export async function isAlive(pid: number): Promise<boolean> {
  if (!(await exists(join("/proc", String(pid))))) return false;
  // One that nobody has asked how it ended is still listed.
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => ") Z");
  return !/\) [ZX]/.test(stat);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
