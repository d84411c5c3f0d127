import assert from "@std/assert";
import { join } from "@std/path";
import { backOff, createRunQueue } from "../../runs/queue/kysely_run_queue.ts";
import { LEASE_MS, MAX_FAILURES } from "../../runs/queue/run_queue.ts";
import { parseRunSpec } from "../../runs/spec/parse_spec.ts";
import { specHash } from "../../runs/spec/spec_hash.ts";
import { openDatabase } from "../../runs/store/database.ts";
import { createRunStore } from "../../runs/store/kysely_run_store.ts";
import {
  ClaimLostError,
  IdempotencyConflictError,
  type NewRun,
} from "../../runs/store/run_store.ts";
import { makeTinyHome, tinySpec } from "./tiny_home.ts";

function newRun(seed = 0, idempotencyKey?: string): NewRun {
  const spec = parseRunSpec(tinySpec({ seed }));
  return { spec, specHash: specHash(spec), codeVersion: "test", idempotencyKey };
}

/** A store and a queue in a folder of their own, with a clock that the test moves. */
async function open() {
  const folder = await Deno.makeTempDir({ prefix: "noregret-" });
  const path = join(folder, "runs.db");
  const database = openDatabase(path);
  const clock = { now: Date.now() + 1000 };
  const store = createRunStore(database);
  return {
    path,
    store,
    clock,
    queue: createRunQueue(database, () => clock.now),
    async [Symbol.asyncDispose]() {
      await store.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

const crash = { type: "Killed", message: "The job process was killed by SIGKILL" };

Deno.test("a stored run is there for another connection at once", async () => {
  await using one = await open();
  const { run } = await one.store.create(newRun());
  const other = createRunStore(openDatabase(one.path));
  assert.deepEqual(await other.get(run.id), run);
  await other.close();
});

Deno.test("create() gives the same run for the same key, and refuses the key for a different spec", async () => {
  await using one = await open();
  const first = await one.store.create(newRun(0, "key"));
  const again = await one.store.create(newRun(0, "key"));
  assert.equal(first.created, true);
  assert.equal(again.created, false);
  assert.equal(again.run.id, first.run.id);
  await assert.rejects(one.store.create(newRun(1, "key")), IdempotencyConflictError);
  assert.equal((await one.store.list({ limit: 10 })).length, 1);
});

Deno.test("list() gives the newest runs first and goes on from a cursor", async () => {
  await using one = await open();
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

Deno.test("two processes that claim at the same time never get the same run", async () => {
  await using one = await open();
  const stored: string[] = [];
  for (let seed = 0; seed < 40; seed++) stored.push((await one.store.create(newRun(seed))).run.id);
  const script = new URL("./claim_all.ts", import.meta.url).pathname;
  const claimAll = async () => {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", script, one.path],
      stderr: "inherit",
    }).output();
    assert.equal(code, 0);
    return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
  };
  const claimed = (await Promise.all([claimAll(), claimAll()])).flat();
  assert.deepEqual(claimed.toSorted(), stored.toSorted());
});

Deno.test("an older attempt can neither report nor finish once a newer one has the run", async () => {
  await using one = await open();
  await one.store.create(newRun());
  const first = (await one.queue.claim("a"))!;
  one.clock.now += LEASE_MS + 1;
  assert.equal(await one.queue.claim("b"), undefined);
  one.clock.now += backOff(1);
  const second = (await one.queue.claim("b"))!;
  assert.equal(second.attempt, 2);
  const report = { events: [{ type: "step", data: { step: 1 } }], points: [{ step: 1 }] };
  await assert.rejects(one.store.report(first, report), ClaimLostError);
  await assert.rejects(one.store.finish(first, { status: "cancelled" }), ClaimLostError);
  assert.equal(await one.queue.heartbeat(first), "lost");
  assert.deepEqual(await one.store.points(first.id), []);
  await one.store.report(second, report);
  assert.deepEqual(await one.store.points(first.id), [{ step: 1 }]);
});

Deno.test("a heartbeat keeps a lease alive", async () => {
  await using one = await open();
  await one.store.create(newRun());
  const claim = (await one.queue.claim("a"))!;
  for (let i = 0; i < 5; i++) {
    one.clock.now += LEASE_MS - 1;
    assert.equal(await one.queue.heartbeat(claim), "held");
  }
  assert.equal(await one.queue.claim("b"), undefined);
  assert.equal((await one.store.get(claim.id))!.status, "running");
});

Deno.test("a run that crashes again and again is given up, unless it gets to a new checkpoint", async () => {
  await using one = await open();
  const { run } = await one.store.create(newRun());
  const claim = async () => {
    one.clock.now += 1_000_000;
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
});

Deno.test("a crashed run waits longer after each failure", async () => {
  await using one = await open();
  await one.store.create(newRun());
  const claim = (await one.queue.claim("a"))!;
  await one.queue.retry(claim, crash);
  one.clock.now += backOff(1) - 1;
  assert.equal(await one.queue.claim("a"), undefined);
  one.clock.now += 1;
  assert.equal((await one.queue.claim("a"))!.attempt, 2);
  assert(backOff(2) > backOff(1));
});

Deno.test("a cancelled run that crashes is cancelled, not tried again", async () => {
  await using one = await open();
  await one.store.create(newRun());
  const claim = (await one.queue.claim("a"))!;
  await one.store.requestCancel(claim.id);
  assert.equal(await one.queue.heartbeat(claim), "cancel");
  await one.queue.retry(claim, crash);
  assert.equal((await one.store.get(claim.id))!.status, "cancelled");
});

Deno.test("events are numbered from 1 without a gap, points are merged by step", async () => {
  await using one = await open();
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
});

Deno.test("numbers of a point keep all their digits in the store", async () => {
  await using one = await open();
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

Deno.test("openDatabase() refuses a database of a newer version", async () => {
  await using one = await open();
  const { DatabaseSync } = await import("node:sqlite");
  const raw = new DatabaseSync(one.path);
  raw.exec("PRAGMA user_version = 999");
  raw.close();
  assert.throws(() => openDatabase(one.path), /version 999/);
});

Deno.test("openDatabase() leaves a file alone that is no database", async () => {
  await using tiny = await makeTinyHome();
  const text = "These are not the tables you are looking for.".repeat(9);
  await Deno.writeTextFile(tiny.paths.database, text);
  assert.throws(() => openDatabase(tiny.paths.database), {
    name: "RangeError",
    message: /runs\.db: it is not a database/,
  });
  assert.equal(await Deno.readTextFile(tiny.paths.database), text);
});
