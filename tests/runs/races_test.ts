// What two hosts do to one run at the same moment, one statement of theirs between two of ours. PostgreSQL
// lets that happen; the other host is a session of its own that the test leads by the hand.

import assert from "@std/assert";
// @ts-types="@types/pg"
import pg from "pg";
import { type OpenRuns, openRuns } from "../../runs/open_runs.ts";
import { parseRunSpec } from "../../runs/spec/parse_spec.ts";
import { specHash } from "../../runs/spec/spec_hash.ts";
import { LEASE_MS, testServer } from "../support/databases.ts";
import { noPostgres } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { makeTinyHome, tinySpec } from "./tiny_home.ts";

interface Race extends OpenRuns {
  /** A run that waits. */
  readonly run: string;
  /** The other host. */
  readonly other: pg.Client;
  /** Lets milliseconds pass for leases. */
  advance(ms: number): void;
  /** Resolves when something of ours waits for the other host. */
  waiting(): Promise<void>;
}

function testRace(name: string, test: (race: Race) => Promise<void>): void {
  Deno.test({
    name: noPostgres ? `postgres: skipped, ${noPostgres}: ${name}` : `postgres: ${name}`,
    ignore: noPostgres !== undefined,
    async fn() {
      await using tiny = await makeTinyHome();
      const databaseUrl = await testServer().createDatabase();
      let now = Date.now();
      const where = { home: tiny.home, databaseUrl, lease: LEASE_MS };
      await using runs = await openRuns(where, "service", () => now);
      const spec = parseRunSpec(tinySpec());
      const { run } = await runs.store.create({ spec, specHash: specHash(spec), codeVersion: "" });
      const [other, observer] = await Promise.all([connect(databaseUrl), connect(databaseUrl)]);
      const { rows: [{ pid }] } = await other.query("SELECT pg_backend_pid() AS pid");
      try {
        await test({
          ...runs,
          run: run.id,
          other,
          advance: (ms) => void (now += ms),
          async waiting() {
            await until("somebody waits for the other", async () => {
              const { rows } = await observer.query(
                "SELECT 1 FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))",
                [pid],
              );
              return rows.length > 0;
            });
          },
        });
      } finally {
        await Promise.all([other.end(), observer.end()]);
      }
    },
  });
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
}

testRace("a run that is cancelled while it is put back ends as cancelled", async (race) => {
  const claim = (await race.queue.claim("a"))!;
  await race.other.query("BEGIN");
  await race.other.query("UPDATE runs SET status = 'queued' WHERE id = $1", [claim.id]);
  const cancelled = race.store.requestCancel(claim.id);
  await race.waiting();
  await race.other.query("COMMIT");
  assert.equal((await cancelled)!.status, "cancelled");
});

testRace("a run can be cancelled while a worker takes it", async (race) => {
  await race.other.query("BEGIN");
  // As a claim does: the place in the line first, then the row.
  await race.other.query("SELECT id FROM pgboss.job WHERE id = $1 FOR UPDATE", [race.run]);
  const cancelled = race.store.requestCancel(race.run);
  await race.waiting();
  const { rowCount } = await race.other.query(
    "UPDATE runs SET status = 'running' WHERE id = $1 AND status = 'queued'",
    [race.run],
  );
  assert.equal(rowCount, 0, "the client was faster");
  await race.other.query("COMMIT");
  assert.equal((await cancelled)!.status, "cancelled");
  assert.equal(await race.queue.claim("a"), undefined);
});

testRace("a lease that is prolonged while it is found to be over holds", async (race) => {
  const claim = (await race.queue.claim("a"))!;
  race.advance(LEASE_MS + 1);
  await race.other.query("BEGIN");
  await race.other.query("UPDATE runs SET lease_until = lease_until + $1", [10 * LEASE_MS]);
  const next = race.queue.claim("b");
  await race.waiting();
  await race.other.query("COMMIT");
  assert.equal(await next, undefined);
  assert.equal(await race.queue.heartbeat(claim), "held");
});
