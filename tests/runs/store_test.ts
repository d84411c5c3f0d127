import assert from "@std/assert";
// @ts-types="@types/pg"
import pg from "pg";
import { type OpenRuns, openRuns } from "../../runs/open_runs.ts";
import { startPgBoss } from "../../runs/queue/pg_boss_line.ts";
import { backOff } from "../../runs/queue/kysely_run_queue.ts";
import { MAX_FAILURES } from "../../runs/queue/run_queue.ts";
import { parseRunSpec } from "../../runs/spec/parse_spec.ts";
import { specHash } from "../../runs/spec/spec_hash.ts";
import {
  ClaimLostError,
  IdempotencyConflictError,
  type NewRun,
} from "../../runs/store/run_store.ts";
import { MIGRATIONS } from "../../runs/store/migrations.ts";
import { openSqlite } from "../../runs/store/sqlite_database.ts";
import { LEASE_MS, type TestDatabase, testDatabases, testServer } from "../support/databases.ts";
import { noPostgres } from "../support/postgres.ts";
import { makeTinyHome, tinySpec } from "./tiny_home.ts";

function newRun(seed = 0, idempotencyKey?: string): NewRun {
  const spec = parseRunSpec(tinySpec({ seed }));
  return { spec, specHash: specHash(spec), codeVersion: "test", idempotencyKey };
}

/** What a process needs to open the same database. */
function environment({ home, databaseUrl }: TestDatabase["where"]): Record<string, string> {
  return { NOREGRET_HOME: home, DATABASE_URL: databaseUrl ?? "" };
}

const crash = { type: "Killed", message: "The job process was killed by SIGKILL" };

testDatabases("a stored run is there for another connection at once", async (one) => {
  const { run } = await one.store.create(newRun());
  await using other = await openRuns(one.where);
  assert.deepEqual(await other.store.get(run.id), run);
});

testDatabases(
  "create() gives the same run for the same key, and refuses the key for a different spec",
  async (one) => {
    const first = await one.store.create(newRun(0, "key"));
    const again = await one.store.create(newRun(0, "key"));
    assert.equal(first.created, true);
    assert.equal(again.created, false);
    assert.equal(again.run.id, first.run.id);
    await assert.rejects(one.store.create(newRun(1, "key")), IdempotencyConflictError);
    assert.equal((await one.store.list({ limit: 10 })).length, 1);
  },
);

testDatabases("list() gives the newest runs first and goes on from a cursor", async (one) => {
  const ids: string[] = [];
  for (let seed = 0; seed < 5; seed++) {
    ids.unshift((await one.store.create(newRun(seed))).run.id);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const page = await one.store.list({ limit: 2 });
  assert.deepEqual(page.map(({ id }) => id), ids.slice(0, 2));
  const rest = await one.store.list({ limit: 10, before: page[1]!.id });
  assert.deepEqual(rest.map(({ id }) => id), ids.slice(2));
  const found = await one.store.list({ limit: 10, specHash: newRun(3).specHash });
  assert.deepEqual(found.map(({ id }) => id), [ids[1]]);
  assert.deepEqual(await one.store.list({ limit: 10, status: "failed" }), []);
});

testDatabases("two processes that claim at the same time never get the same run", async (one) => {
  const stored: string[] = [];
  for (let seed = 0; seed < 40; seed++) stored.push((await one.store.create(newRun(seed))).run.id);
  const script = new URL("./claim_all.ts", import.meta.url).pathname;
  const claimAll = async () => {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", script],
      env: environment(one.where),
      stderr: "inherit",
    }).output();
    assert.equal(code, 0);
    return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
  };
  const claimed = (await Promise.all([claimAll(), claimAll()])).flat();
  assert.deepEqual(claimed.toSorted(), stored.toSorted());
});

testDatabases(
  "an older attempt can neither report nor finish once a newer one has the run",
  async (one) => {
    await one.store.create(newRun());
    const first = (await one.queue.claim("a"))!;
    await one.advance(LEASE_MS + 1);
    assert.equal(await one.queue.claim("b"), undefined);
    await one.advance(backOff(1));
    const second = (await one.queue.claim("b"))!;
    assert.equal(second.attempt, 2);
    const report = { events: [{ type: "step", data: { step: 1 } }], points: [{ step: 1 }] };
    await assert.rejects(one.store.report(first, report), ClaimLostError);
    await assert.rejects(one.store.finish(first, { status: "cancelled" }), ClaimLostError);
    assert.equal(await one.queue.heartbeat(first), "lost");
    assert.deepEqual(await one.store.points(first.id), []);
    await one.store.report(second, report);
    assert.deepEqual(await one.store.points(first.id), [{ step: 1 }]);
  },
);

testDatabases("claimRun() is not upset by another process that writes", async (one) => {
  const { run } = await one.store.create(newRun());
  const beaten = (await one.queue.claim("a"))!;
  const waiting = await one.store.create(newRun(1));
  const script = new URL("./heartbeat_all_the_time.ts", import.meta.url).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", script, run.id, String(beaten.attempt)],
    env: environment(one.where),
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = process.stdout.getReader();
  await output.read();
  for (let i = 0; i < 300; i++) {
    await one.queue.release((await one.queue.claimRun("b", waiting.run.id))!);
  }
  await process.stdin.close();
  await output.cancel();
  assert.equal((await process.status).code, 0);
});

testDatabases("claimRun() takes a waiting run out of turn, once", async (one) => {
  const [first, second] = [await one.store.create(newRun()), await one.store.create(newRun())];
  const claim = (await one.queue.claimRun("a", second.run.id))!;
  assert.deepEqual(claim, { id: second.run.id, attempt: 1 });
  assert.equal(await one.queue.claimRun("b", second.run.id), undefined);
  assert.equal(await one.queue.heartbeat(claim), "held");
  assert.equal((await one.queue.claim("b"))!.id, first.run.id);
  assert.equal(await one.queue.claim("b"), undefined);
  await one.queue.retry(claim, crash);
  assert.equal(await one.queue.claimRun("a", second.run.id), undefined, "its back-off is not over");
  await one.advance(backOff(1));
  assert.equal(await one.queue.claimRun("a", second.run.id), undefined, "it has failed");
  const again = (await one.queue.claim("b"))!;
  assert.deepEqual(again, { id: second.run.id, attempt: 2 });
  await one.store.report(again, { checkpointed: true });
  await one.queue.release(again);
  assert.equal((await one.queue.claimRun("a", second.run.id))!.attempt, 3);
});

testDatabases("a heartbeat keeps a lease alive", async (one) => {
  await one.store.create(newRun());
  const claim = (await one.queue.claim("a"))!;
  for (let i = 0; i < 5; i++) {
    await one.advance(LEASE_MS - 1);
    assert.equal(await one.queue.heartbeat(claim), "held");
  }
  assert.equal(await one.queue.claim("b"), undefined);
  assert.equal((await one.store.get(claim.id))!.status, "running");
});

testDatabases(
  "a run that crashes again and again is given up, unless it gets to a new checkpoint",
  async (one) => {
    const { run } = await one.store.create(newRun());
    const claim = async () => {
      await one.advance(1_000_000);
      return (await one.queue.claim("a"))!;
    };
    for (let i = 1; i < MAX_FAILURES; i++) {
      assert.equal(await one.queue.retry(await claim(), crash), "queued");
    }
    const held = await claim();
    await one.store.report(held, { checkpointed: true });
    assert.equal(await one.queue.retry(held, crash), "queued");
    for (let i = 2; i < MAX_FAILURES; i++) await one.queue.retry(await claim(), crash);
    assert.equal(await one.queue.retry(await claim(), crash), "failed");
    const ended = (await one.store.get(run.id))!;
    assert.equal(ended.status, "failed");
    assert.deepEqual(ended.error, crash);
    assert.equal((await one.store.events(run.id, 0, 100)).at(-1)!.type, "failed");
  },
);

testDatabases("a crashed run waits longer after each failure", async (one) => {
  await one.store.create(newRun());
  const claim = (await one.queue.claim("a"))!;
  await one.queue.retry(claim, crash);
  await one.advance(backOff(1) / 2);
  assert.equal(await one.queue.claim("a"), undefined);
  await one.advance(backOff(1) / 2);
  assert.equal((await one.queue.claim("a"))!.attempt, 2);
  assert(backOff(2) > backOff(1));
});

for (const how of ["retry", "release"] as const) {
  testDatabases(`a cancelled run that is put back by ${how}() ends as cancelled`, async (one) => {
    await one.store.create(newRun());
    const claim = (await one.queue.claim("a"))!;
    await one.store.requestCancel(claim.id);
    assert.equal(await one.queue.heartbeat(claim), "cancel");
    if (how === "retry") await one.queue.retry(claim, crash);
    else await one.queue.release(claim);
    assert.equal((await one.store.get(claim.id))!.status, "cancelled");
    const events = await one.store.events(claim.id, 0, 100);
    assert.deepEqual(events.map(({ type }) => type), ["queued", "started", "cancelled"]);
    assert.equal(await one.queue.claim("b"), undefined);
  });
}

testDatabases(
  "events are numbered from 1 without a gap, points are merged by step",
  async (one) => {
    const { run } = await one.store.create(newRun());
    const claim = (await one.queue.claim("a"))!;
    const step = (n: number) => ({ type: "step", data: { step: n } });
    await one.store.report(claim, {
      events: [step(1), step(2)],
      points: [{ step: 1, train_nll: 3 }, { step: 2, train_nll: 2.5 }],
    });
    await one.store.report(claim, { events: [step(3)], points: [{ step: 2, eval_nll: 0.1 }] });
    const events = await one.store.events(run.id, 0, 100);
    assert.deepEqual(events.map(({ seq }) => seq), [1, 2, 3, 4, 5]);
    assert.deepEqual((await one.store.events(run.id, 3, 1)).map(({ seq }) => seq), [4]);
    assert.deepEqual(await one.store.points(run.id), [
      { step: 1, train_nll: 3 },
      { step: 2, train_nll: 2.5, eval_nll: 0.1 },
    ]);
    await one.store.report(claim, { resumedFrom: 1 });
    assert.deepEqual((await one.store.points(run.id)).map(({ step }) => step), [1]);
  },
);

testDatabases(
  "points() picks some of many, evenly, with both ends and the held-out losses",
  async (one) => {
    await one.store.create(newRun());
    const claim = (await one.queue.claim("a"))!;
    const all = Array.from({ length: 3000 }, (_, i) => ({
      step: 2 * i,
      train_nll: i,
      ...(i % 300 === 0 && { eval_nll: i }),
    }));
    await one.store.report(claim, { points: all });
    const some = await one.store.points(claim.id, 100);
    assert(some.length > 90 && some.length < 130, String(some.length));
    assert.deepEqual([some[0], some.at(-1)], [all[0], all.at(-1)]);
    assert.equal(some.filter(({ eval_nll }) => eval_nll !== undefined).length, 10);
    const gaps = some.slice(1).map(({ step }, i) => step - some[i]!.step);
    assert(Math.max(...gaps) <= 64, String(Math.max(...gaps)));
    assert.deepEqual(await one.store.points(claim.id, 10_000), all);
    assert.deepEqual(
      await one.store.evaluations(claim.id),
      all.filter(({ eval_nll }) => eval_nll !== undefined),
    );
    assert.deepEqual((await one.store.lastEvents(claim.id, "started", 5)).map(({ seq }) => seq), [
      2,
    ]);
    assert.equal(await one.store.lastEvent(claim.id), 2);
  },
);

testDatabases("numbers of a point keep all their digits in the store", async (one) => {
  await one.store.create(newRun());
  const claim = (await one.queue.claim("a"))!;
  const values = [Math.fround(0.1), 1e-300, 5e-324, Number.MAX_VALUE, 2.718281828459045];
  for (const [step, value] of values.entries()) {
    await one.store.report(claim, { points: [{ step, train_nll: value }] });
    await one.store.report(claim, { points: [{ step, eval_nll: value }] });
  }
  const points = await one.store.points(claim.id);
  assert.deepEqual(points.map(({ train_nll }) => train_nll), values);
  assert.deepEqual(points.map(({ eval_nll }) => eval_nll), values);
});

const OLD = "0199f000-0000-7000-8000-000000000000";

// The versions that shipped, each with a run that waits.
for (let version = 1; version < MIGRATIONS.length; version++) {
  const tables = MIGRATIONS.slice(0, version);
  const name = `a database of version ${version} keeps its runs, and workers take them`;
  const { spec, specHash } = newRun();
  const insert =
    "INSERT INTO runs (id, status, model, spec, spec_hash, code_version, created_at, available_at) " +
    `VALUES ('${OLD}', 'queued', 'tiny', $1, $2, '0.0.1', 1, 1)`;
  const json = JSON.stringify({ ...spec, backend: "cpu" });

  const check = async (runs: OpenRuns) => {
    assert.equal((await runs.store.get(OLD))!.spec.backend, "cpu");
    assert.deepEqual(await runs.sweeps.list(10), []);
    assert.deepEqual(await runs.workers.list(), []);
    const offer = { takes_auto: true, memory_bytes: 1 };
    assert.equal(await runs.queue.claim("a", { ...offer, backend: "webgpu" }), undefined);
    assert.equal((await runs.queue.claim("a", { ...offer, backend: "cpu" }))!.id, OLD);
  };

  Deno.test(`sqlite: ${name}`, async () => {
    await using tiny = await makeTinyHome();
    const { DatabaseSync } = await import("node:sqlite");
    const raw = new DatabaseSync(tiny.paths.database);
    raw.exec(tables.map(({ sqlite }) => sqlite).join("\n"));
    raw.exec(`PRAGMA user_version = ${version}`);
    raw.prepare(insert.replaceAll(/\$\d/g, "?")).run(json, specHash);
    raw.close();
    await using runs = await openRuns({ home: tiny.home, databaseUrl: undefined, lease: LEASE_MS });
    await check(runs);
  });

  Deno.test({
    name: noPostgres ? `postgres: skipped, ${noPostgres}: ${name}` : `postgres: ${name}`,
    ignore: noPostgres !== undefined,
    async fn() {
      const databaseUrl = await testServer().createDatabase();
      const client = new pg.Client({ connectionString: databaseUrl });
      await client.connect();
      await client.query(tables.map(({ postgres }) => postgres).join("\n"));
      await client.query("CREATE TABLE schema_version (version INTEGER NOT NULL)");
      await client.query("INSERT INTO schema_version VALUES ($1)", [version]);
      await client.query(insert, [json, specHash]);
      // As that version put it into the line: the job says nothing of what the run asks for.
      const boss = await startPgBoss(
        { query: (text, values) => client.query(text, values) },
        false,
      );
      await boss.send("runs", null, { id: OLD });
      await boss.stop({ graceful: false });
      await client.end();
      await using runs = await openRuns({ home: "", databaseUrl, lease: LEASE_MS });
      await check(runs);
    },
  });
}

Deno.test("openSqlite() refuses a database of a newer version", async () => {
  await using tiny = await makeTinyHome();
  await openSqlite(tiny.paths.database).destroy();
  const { DatabaseSync } = await import("node:sqlite");
  const raw = new DatabaseSync(tiny.paths.database);
  raw.exec("PRAGMA user_version = 999");
  raw.close();
  assert.throws(() => openSqlite(tiny.paths.database), /version 999/);
});

Deno.test("openSqlite() leaves a file alone that is no database", async () => {
  await using tiny = await makeTinyHome();
  const text = "These are not the tables you are looking for.".repeat(9);
  await Deno.writeTextFile(tiny.paths.database, text);
  assert.throws(() => openSqlite(tiny.paths.database), {
    name: "RangeError",
    message: /runs\.db: it is not a database/,
  });
  assert.equal(await Deno.readTextFile(tiny.paths.database), text);
});
