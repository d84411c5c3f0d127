// How many hosts one PostgreSQL server carries: the real store and queue, and workers that train nothing
// but claim, report, prolong leases and finish at the times of a recorded run.
//
//     deno task simulate [--hosts 1,4,16,64,256] [--seconds 20] [--speed 1] [--recorded FILE]
//
// Each simulated host has its own connections and runs one run after another; `--speed 2` lets it train
// twice as fast as was recorded; `--recorded` keeps what was recorded for further calls. Hosts, server and this process share the machine, so what limits is told
// too: the processor time of the server and of this process. One JSON line for each number of hosts.

import { parseArgs } from "node:util";
// @ts-types="@types/pg"
import pg from "pg";
import { type OpenRuns, openRuns } from "../runs/open_runs.ts";
import { parseRunSpec } from "../runs/spec/parse_spec.ts";
import { specHash } from "../runs/spec/spec_hash.ts";
import { exists } from "../runs/write_file.ts";
import { Service } from "../tests/e2e/service.ts";
import { makeTinyHome, tinySpec } from "../tests/runs/tiny_home.ts";
import { noPostgres, startPostgres } from "../tests/support/postgres.ts";

const { values } = parseArgs({
  options: {
    hosts: { type: "string", default: "1,4,16,64,256" },
    seconds: { type: "string", default: "20" },
    speed: { type: "string", default: "1" },
    recorded: { type: "string" },
  },
});
const seconds = Number(values.seconds), speed = Number(values.speed);
if (noPostgres) throw new RangeError(`Cannot simulate: ${noPostgres}`);

/** As a supervisor looks for work, a reporter stores, a lease lasts and is prolonged, in milliseconds. */
const POLL_MS = 500, FLUSH_MS = 200, LEASE_MS = 15_000, BEAT_MS = LEASE_MS / 5;
const SAVE_STEPS = 50;
/** Checkpoint writes and process starts take no part: a run follows the one before at once. */
const STEPS = 200;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const round = (value: number, digits = 2) => Number(value.toFixed(digits));

/** Milliseconds of each step of a real run of the small model that ships. */
async function recordStepTimes(): Promise<number[]> {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home);
  const id = await service.post({
    model: "noregret/tiny",
    method: { kind: "lora", r: 8 },
    task: { kind: "sft", dataset: "stdlib/moby-dick", max_length: 256, num_epochs: 1000 },
    batch_size: 2,
    max_steps: STEPS,
    logging_steps: 1,
    eval_steps: STEPS,
    save_steps: SAVE_STEPS,
  });
  await service.events(id);
  const { points } = await service.json(`/v1/runs/${id}/metrics`);
  let before = 0;
  return points.filter(({ step }: { step: number }) => step > 0).map(
    ({ tokens, tokens_per_s }: { tokens: number; tokens_per_s: number }) => {
      const ms = (tokens - before) / tokens_per_s * 1000;
      before = tokens;
      return ms;
    },
  );
}

/** What all hosts of one simulation count. */
class Tally {
  readonly times: Record<"claim" | "report" | "heartbeat" | "finish", number[]> = {
    claim: [],
    report: [],
    heartbeat: [],
    finish: [],
  };
  steps = 0;
  emptyClaims = 0;
  lost = 0;
  errors = 0;

  async timed<T>(what: keyof Tally["times"], action: () => Promise<T>): Promise<T> {
    const from = performance.now();
    const result = await action();
    this.times[what].push(performance.now() - from);
    return result;
  }
}

function percentiles(times: number[]) {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) =>
    round(sorted[Math.min(sorted.length - 1, sorted.length * share | 0)] ?? 0);
  return { p50_ms: at(0.5), p99_ms: at(0.99) };
}

/** A host: one run after another until `until`. */
async function host(
  { store, queue }: OpenRuns,
  name: string,
  stepMs: readonly number[],
  until: number,
  tally: Tally,
): Promise<void> {
  // Hosts do not start in step.
  await sleep(Math.random() * POLL_MS);
  while (performance.now() < until) {
    try {
      const from = performance.now();
      const claim = await queue.claim(name);
      if (claim === undefined) {
        tally.emptyClaims++;
        await sleep(POLL_MS);
        continue;
      }
      tally.times.claim.push(performance.now() - from);
      await train(claim);
    } catch (error) {
      if ((error as Error).name === "ClaimLostError") tally.lost++;
      else tally.errors++;
      await sleep(POLL_MS);
    }
  }

  async function train(claim: { id: string; attempt: number }): Promise<void> {
    await store.report(claim, { events: [{ type: "device", data: { backend: "simulated" } }] });
    let due = performance.now(), flushed = due, beaten = due, tokens = 0;
    let events: { type: string; data: Record<string, unknown> }[] = [];
    for (const [i, ms] of stepMs.entries()) {
      due += ms / speed;
      const wait = due - performance.now();
      if (wait > 0) await sleep(wait);
      // A job waits for its reports: one that is late stays late.
      else due = performance.now();
      if (performance.now() > until) return;
      tokens += 512;
      const data = { step: i + 1, tokens, train_nll: 2, grad_norm: 1, tokens_per_s: 512000 / ms };
      events.push({ type: "step", data });
      tally.steps++;
      const saves = (i + 1) % SAVE_STEPS === 0;
      if (saves || performance.now() - flushed >= FLUSH_MS) {
        const points = events.map(({ data }) => data as { step: number });
        const progress = { step: i + 1, max_steps: STEPS, tokens };
        await tally.timed("report", () => store.report(claim, { events, points, progress }));
        events = [];
        flushed = performance.now();
      }
      if (saves) {
        const checkpoint = { type: "checkpoint", data: { step: i + 1 } };
        await tally.timed(
          "report",
          () => store.report(claim, { events: [checkpoint], checkpointed: true }),
        );
      }
      if (performance.now() - beaten >= BEAT_MS) {
        beaten = performance.now();
        const answer = await tally.timed("heartbeat", () => queue.heartbeat(claim));
        if (answer !== "held") tally.lost++;
      }
    }
    const result = { steps: STEPS, tokens } as never;
    await tally.timed("finish", () => store.finish(claim, { status: "succeeded", result }));
  }
}

/** Processor seconds of a process and its children, those that have ended too. */
function processorSeconds(pid: number, children: boolean): number {
  const ticks = (id: string | number) => {
    try {
      const stat = Deno.readTextFileSync(`/proc/${id}/stat`);
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const own = Number(fields[11]) + Number(fields[12]);
      return { parent: Number(fields[1]), own, ended: Number(fields[13]) + Number(fields[14]) };
    } catch {
      return { parent: 0, own: 0, ended: 0 };
    }
  };
  const self = ticks(pid);
  let sum = self.own + (children ? self.ended : 0);
  if (children) {
    for (const { name } of Deno.readDirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const { parent, own } = ticks(name);
      if (parent === pid) sum += own;
    }
  }
  return sum / 100;
}

const kept = values.recorded;
const stepMs: number[] = kept !== undefined && await exists(kept)
  ? JSON.parse(await Deno.readTextFile(kept))
  : await recordStepTimes();
if (kept !== undefined) await Deno.writeTextFile(kept, JSON.stringify(stepMs));
const runMs = stepMs.reduce((sum, ms) => sum + ms, 0);
console.log(JSON.stringify({
  part: "recorded",
  steps: STEPS,
  run_seconds: round(runMs / 1000),
  step_ms: percentiles([...stepMs]),
}));

await using server = await startPostgres({ durable: true, connections: 1200 });
for (const hosts of values.hosts.split(",").map(Number)) {
  const databaseUrl = await server.createDatabase();
  const where = { home: "/nowhere", databaseUrl, lease: LEASE_MS };
  // The first makes the tables.
  const all: OpenRuns[] = [await openRuns(where)];
  for (let n = 1; n < hosts; n += 8) {
    const some = Array.from({ length: Math.min(8, hosts - n) }, () => openRuns(where));
    all.push(...await Promise.all(some));
  }
  const spec = parseRunSpec(tinySpec({ model: "noregret/tiny" }));
  const wanted = Math.ceil(hosts * (seconds * 1000 * speed / runMs + 2));
  for (let n = 0; n < wanted; n += 8) {
    const create = () =>
      all[0]!.store.create({ spec, specHash: specHash(spec), codeVersion: "bench" });
    await Promise.all(Array.from({ length: 8 }, create));
  }
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const measure = async () => {
    const { rows: [row] } = await client.query(
      "SELECT xact_commit::int AS commits, tup_inserted::int AS inserted, tup_updated::int AS updated, " +
        "(SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database()) AS connections " +
        "FROM pg_stat_database WHERE datname = current_database()",
    );
    const pid = await server.pid();
    return {
      ...row,
      at: performance.now(),
      server: processorSeconds(pid, true),
      own: processorSeconds(Deno.pid, false),
    };
  };
  const before = await measure();
  const tally = new Tally();
  const until = performance.now() + seconds * 1000;
  const running = all.map((runs, n) => host(runs, `host-${n}`, stepMs, until, tally));
  await sleep(seconds * 1000);
  const after = await measure();
  await Promise.all(running);
  const took = (after.at - before.at) / 1000;
  const perSecond = (count: number) => round(count / took, 1);
  const { claim, report, heartbeat, finish } = tally.times;
  console.log(JSON.stringify({
    part: "hosts",
    hosts,
    // 1: every host trains as fast as recorded.
    pace: round(tally.steps / (hosts * took * 1000 * speed / (runMs / STEPS))),
    queue_operations_per_s: perSecond(claim.length + heartbeat.length + finish.length),
    reports_per_s: perSecond(report.length),
    points_per_s: perSecond(tally.steps),
    claim: percentiles(claim),
    report: percentiles(report),
    heartbeat: percentiles(heartbeat),
    claims: claim.length,
    empty_claims: tally.emptyClaims,
    commits_per_s: perSecond(after.commits - before.commits),
    rows_written_per_s: perSecond(
      after.inserted - before.inserted + after.updated - before.updated,
    ),
    connections: after.connections,
    server_cores: round((after.server - before.server) / took),
    simulator_cores: round((after.own - before.own) / took),
    leases_lost: tally.lost,
    errors: tally.errors,
  }));
  await client.end();
  await Promise.all(all.map((runs) => runs[Symbol.asyncDispose]()));
}
