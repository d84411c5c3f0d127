// What must hold of every run, whatever was done to the processes, disks and wires around it.

import { MAX_FAILURES } from "../../runs/queue/run_queue.ts";
import type { ReceivedEvent } from "../e2e/service.ts";
import { checkArtifacts } from "./check_artifacts.ts";
import { isAlive, type WatchedRun, type World } from "./world.ts";

/** Waits for every run to end and returns what does not hold, a line each. */
export async function checkRuns(world: World, runs: readonly WatchedRun[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const run of runs) {
    await run.watcher.ended;
    for (const line of await checkRun(world, run)) wrong.push(`run ${run.id}: ${line}`);
  }
  return wrong;
}

/** What holds of the installation as a whole once all runs have ended. */
export async function checkWorld(world: World): Promise<string[]> {
  const wrong: string[] = [];
  const stored = new Set<string>();
  for (let cursor = "";;) {
    const page = await world.ask(`/v1/runs?limit=100${cursor && `&cursor=${cursor}`}`);
    for (const { id } of page.runs) stored.add(id);
    if (!page.next_cursor) break;
    cursor = page.next_cursor;
  }
  const ours = new Set(world.runs.map(({ id }) => id)).union(world.imported);
  for (const id of ours.difference(stored)) wrong.push(`run ${id} is lost`);
  for (const id of stored.difference(ours)) wrong.push(`run ${id} was never asked for`);
  if (world.databaseUrl !== undefined) wrong.push(...await checkLine(world.databaseUrl));
  wrong.push(...world.wrong);
  const jobs = world.runs.flatMap(({ watcher }) => pidsOf(watcher.events));
  await world.stop();
  for (const pid of jobs) if (!(await ends(pid))) wrong.push(`job process ${pid} is left over`);
  return wrong;
}

async function checkRun(world: World, run: WatchedRun): Promise<string[]> {
  const { id, spec, watcher } = run;
  const { events } = watcher;
  const wrong = [...watcher.faults];
  const row = await world.ask(`/v1/runs/${id}`);
  const types = events.map(({ type }) => type);
  const count = (type: string) => types.filter((each) => each === type).length;

  if (run.cancelledAfter !== undefined) {
    // One attempt may have begun, and not have been heard of, when the client was answered.
    const later = count("started") - run.cancelledAfter;
    if (later > 1) wrong.push(`it was attempted ${later} times after it had been cancelled`);
    if (row.status === "cancelled") {
      if (types.at(-1) === "cancelled" && count("cancelled") === 1) return wrong;
      return [...wrong, `it is cancelled, and its last event says ${types.at(-1)}`];
    }
  }
  if (row.status === "failed" && wasGivenUp(events)) return wrong;
  if (row.status !== "succeeded") {
    return [...wrong, `it is ${row.status}: ${JSON.stringify(row.error)}`];
  }
  const last = events.at(-1);
  if (count("succeeded") !== 1 || last?.type !== "succeeded") {
    wrong.push(`it succeeded ${count("succeeded")} times`);
  }
  const attempts = events.filter(({ type }) => type === "started").map(({ data }) => data.attempt);
  if (attempts.some((attempt, i) => attempt !== i + 1) || attempts.length !== row.attempts) {
    wrong.push(`its attempts are ${attempts}, its row counts ${row.attempts}`);
  }
  wrong.push(...checkSteps(events, spec.max_steps!));

  const [expected, found] = [await world.reference(spec), await world.remains(run)];
  const point = firstDifference(expected.curve, found.curve);
  if (point !== undefined) wrong.push(`its curve is not that of an undisturbed run: ${point}`);
  if (found.weights !== expected.weights) wrong.push("its weights are not those of such a run");

  return [...wrong, ...await checkArtifacts(world, run)];
}

function firstDifference(expected: readonly string[], found: readonly string[]) {
  const at = Array.from({ length: Math.max(expected.length, found.length) }, (_, i) => i)
    .find((i) => expected[i] !== found[i]);
  return at === undefined ? undefined : `${found[at]} where ${expected[at]} was expected`;
}

/** Each attempt goes on behind its checkpoint and tells every step once: none wrote into another's. */
function checkSteps(events: readonly ReceivedEvent[], steps: number): string[] {
  const wrong: string[] = [];
  let step = 0;
  for (const { type, data } of events) {
    if (type === "device") step = data.resumed_from_step ?? 0;
    if (type !== "step") continue;
    if (data.step !== step + 1) wrong.push(`step ${data.step} was told after step ${step}`);
    step = data.step;
  }
  if (step !== steps) wrong.push(`its last step is ${step}, expected ${steps}`);
  return wrong;
}

/** Attempts died in a row, none of which got to a checkpoint: then a run is to be given up. */
function wasGivenUp(events: readonly ReceivedEvent[]): boolean {
  const since = events.slice(events.findLastIndex(({ type }) => type === "checkpoint") + 1);
  const deaths = since.filter(({ type, data }) =>
    type === "retry" && data.error.type !== "Unavailable"
  );
  return since.at(-1)?.type === "failed" && deaths.length === MAX_FAILURES - 1;
}

/** Of runs that have ended nothing waits or works any more. */
async function checkLine(url: string): Promise<string[]> {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(
    "SELECT id, state FROM pgboss.job WHERE name = 'runs' AND state < 'completed'",
  );
  await client.end();
  return rows.map(({ id, state }) => `the queue holds run ${id} as ${state}`);
}

function pidsOf(events: readonly ReceivedEvent[]): number[] {
  return events.filter(({ type }) => type === "device").map(({ data }) => data.pid);
}

async function ends(pid: number): Promise<boolean> {
  for (let tries = 0; await isAlive(pid); tries++) {
    if (tries === 150) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return true;
}
