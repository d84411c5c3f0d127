// Runs a test on every kind of database. The PostgreSQL server is started once a test file.

import { type OpenRuns, openRuns } from "../../runs/open_runs.ts";
import { noPostgres, type PostgresServer, startPostgres } from "./postgres.ts";

/** The lease of test databases, in milliseconds. */
export const LEASE_MS = 15_000;

/** An empty database with a clock that the test moves. */
export interface TestDatabase extends OpenRuns {
  /** What {@linkcode openRuns} takes. */
  readonly where: {
    readonly home: string;
    readonly databaseUrl: string | undefined;
    readonly lease: number;
  };
  /** Lets `ms` milliseconds pass for leases and back-offs. */
  advance(ms: number): Promise<void>;
}

let server: PostgresServer | undefined;
if (noPostgres === undefined) {
  Deno.test.beforeAll(async () => void (server = await startPostgres()));
  Deno.test.afterAll(async () => await server![Symbol.asyncDispose]());
}

/** The server of the test file; only where PostgreSQL is installed. */
export function testServer(): PostgresServer {
  return server!;
}

/** Registers a test that runs once on SQLite and once on PostgreSQL, where that is installed. */
export function testDatabases(name: string, test: (one: TestDatabase) => Promise<void>): void {
  Deno.test(`sqlite: ${name}`, async () => {
    await using one = await openDatabase(undefined);
    await test(one);
  });
  Deno.test({
    name: noPostgres ? `postgres: skipped, ${noPostgres}: ${name}` : `postgres: ${name}`,
    ignore: noPostgres !== undefined,
    async fn() {
      await using one = await openDatabase(await server!.createDatabase());
      await test(one);
    },
  });
}

async function openDatabase(databaseUrl: string | undefined): Promise<TestDatabase> {
  const home = await Deno.makeTempDir({ prefix: "noregret-" });
  // Stands still, well after what the test makes in the meantime, however slow the machine.
  const clock = { now: Date.now() + 10 * 60_000 };
  const where = { home, databaseUrl, lease: LEASE_MS };
  const { store, queue, sweeps, workers, ...runs } = await openRuns(
    where,
    "service",
    () => clock.now,
  );
  return {
    where,
    store,
    queue,
    sweeps,
    workers,
    async advance(ms) {
      clock.now += ms;
      if (databaseUrl !== undefined) await shiftJobs(databaseUrl, ms);
    },
    async [Symbol.asyncDispose]() {
      await runs[Symbol.asyncDispose]();
      await Deno.remove(home, { recursive: true });
    },
  };
}

// pg-boss takes the server's clock: instead of it, the jobs are moved.
async function shiftJobs(url: string, ms: number): Promise<void> {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    "UPDATE pgboss.job SET start_after = start_after - make_interval(secs => $1)",
    [ms / 1000],
  );
  await client.end();
}
