// Lets faults loose at random on many runs, then checks what must hold of every one of them.
//
//     deno task chaos [--runs 30] [--minutes 5] [--seed N] [--database sqlite|postgres] [--workers 3]
//                     [--artifacts disk|s3] [--backend cpu|webgpu] [--verbose]
//
// Supervised runs, runs by reward and sweeps on a shared base train, while other clients generate, evaluate,
// take archives out and in, and cancel.
//
// Runs are queued until there are so many or the minutes are over, faults come one after another as long
// as any run trains. Ends with code 1 if anything does not hold. The seed decides which faults come, on
// which of the runs and after how long; what they meet depends on the machine.

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { RunSpecInput } from "../../runs/spec/run_spec.ts";
import { tinySpec } from "../runs/tiny_home.ts";
import { sumsSpec } from "../runs/tiny_sums.ts";
import { noPostgres } from "../support/postgres.ts";
import { uniformStream } from "../support/random.ts";
import { noS3 } from "../support/s3.ts";
import { checkRuns, checkWorld } from "./check.ts";
import type { Fault } from "./fault.ts";
import { RANDOM_FAULTS } from "./faults.ts";
import { Traffic } from "./traffic.ts";
import { type WatchedRun, World } from "./world.ts";

/** The longest pause between two faults, in milliseconds. */
const PAUSE_MS = 3000;

interface Options {
  readonly runs: number;
  readonly minutes: number;
  readonly seed: number;
  readonly workers: number;
  readonly database: "sqlite" | "postgres";
  readonly artifacts: "disk" | "s3";
  readonly backend: "cpu" | "webgpu";
  readonly verbose: boolean;
}

function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      runs: { type: "string", default: "30" },
      minutes: { type: "string", default: "5" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      workers: { type: "string", default: "3" },
      database: { type: "string", default: noPostgres ? "sqlite" : "postgres" },
      artifacts: { type: "string", default: "disk" },
      backend: { type: "string", default: "cpu" },
      verbose: { type: "boolean", default: false },
    },
  });
  const { database, artifacts, backend } = values;
  if (database !== "sqlite" && database !== "postgres") {
    throw new RangeError(`Cannot use database "${database}": expected "sqlite" or "postgres"`);
  }
  if (database === "postgres" && noPostgres) throw new RangeError(`Cannot start: ${noPostgres}`);
  if (artifacts !== "disk" && artifacts !== "s3") {
    throw new RangeError(`Cannot use artifacts "${artifacts}": expected "disk" or "s3"`);
  }
  if (artifacts === "s3" && noS3) throw new RangeError(`Cannot start: ${noS3}`);
  if (backend !== "cpu" && backend !== "webgpu") {
    throw new RangeError(`Cannot use backend "${backend}": expected "cpu" or "webgpu"`);
  }
  const number = (name: "runs" | "minutes" | "seed" | "workers") => {
    const value = Number(values[name]);
    if (value >= 0 && Number.isFinite(value)) return value;
    throw new RangeError(`Cannot read --${name}: found "${values[name]}", expected a number`);
  };
  return {
    runs: number("runs"),
    minutes: number("minutes"),
    seed: number("seed"),
    workers: Math.max(1, number("workers")),
    database,
    artifacts,
    backend,
    verbose: values.verbose,
  };
}

/** What is asked for, one after another, over and over: a run, or several that train together. */
function work(backend: "cpu" | "webgpu"): (readonly RunSpecInput[])[] {
  const [steps, rewarded] = backend === "cpu"
    ? [{ max_steps: 1500, save_steps: 50, eval_steps: 250 }, { max_steps: 320, save_steps: 16 }]
    : [{ max_steps: 100, save_steps: 10, eval_steps: 50, backend }, {
      max_steps: 32,
      save_steps: 4,
      backend,
    }];
  const rates = (method: RunSpecInput["method"], ...all: number[]) =>
    all.map((learning_rate) => tinySpec({ ...steps, method, optimizer: { learning_rate } }));
  return [
    [tinySpec(steps)],
    [
      ...rates({ kind: "lora", r: 4 }, 0.003, 0.01),
      ...rates({ kind: "lora", r: 2, target_modules: "attention" }, 0.02),
    ],
    rates({ kind: "full" }, 1e-3),
    [sumsSpec({ num_iterations: 2 }, rewarded)],
    [tinySpec({ ...steps, seed: 1, gradient_accumulation_steps: 2, batch_size: 2 })],
  ];
}

async function main(options: Options): Promise<number> {
  const random = uniformStream(options.seed);
  const program = fileURLToPath(new URL("./device_program.ts", import.meta.url));
  await using world = await World.open({
    database: options.database,
    artifacts: options.artifacts,
    workers: options.workers,
    verbose: options.verbose,
    ...(options.backend === "webgpu" && { program }),
  });
  const wanted = work(options.backend);
  for (const spec of wanted.flat()) await world.reference(spec);
  const traffic = await Traffic.open(world, world.runs[0]!, uniformStream(options.seed + 1));
  const faults = RANDOM_FAULTS.filter((fault) => {
    const missing = fault.unavailable?.(world);
    if (missing) console.log(`left out: ${fault.name} (${missing})`);
    return missing === undefined;
  });

  const started = Date.now(), deadline = started + options.minutes * 60_000;
  const runs: WatchedRun[] = [];
  const queueing = (async () => {
    const open = () => runs.filter(({ watcher }) => !watcher.over);
    for (let i = 0; runs.length < options.runs && Date.now() < deadline; i++) {
      const specs = wanted[i % wanted.length]!;
      if (specs.length > 1) runs.push(...await world.submitTogether(specs));
      else runs.push(await world.submit(specs[0]!));
      while (open().length >= 2 * options.workers) {
        await Promise.race(open().map(({ watcher }) => watcher.ended));
      }
    }
  })();
  const peace = new AbortController();
  const clients = traffic.run(runs, peace.signal);
  const hits = new Map<Fault, number>();
  let queued = false;
  void queueing.then(() => queued = true);
  while (Date.now() < deadline && !(queued && runs.every(({ watcher }) => watcher.over))) {
    await new Promise((resolve) => setTimeout(resolve, random() * PAUSE_MS));
    const at = runs.filter(({ watcher }) => !watcher.over && watcher.last("started"));
    const run = at[Math.floor(random() * at.length)];
    const fault = faults[Math.floor(random() * faults.length)]!;
    if (run === undefined) continue;
    const hit = await fault.inject(world, run, random);
    await world.heal();
    if (hit) hits.set(fault, (hits.get(fault) ?? 0) + 1);
    const second = ((Date.now() - started) / 1000).toFixed(1);
    console.log(`${second} s: ${fault.name}${hit ? "" : ": too late"} (run ${run.id})`);
  }
  await queueing;
  peace.abort();
  await clients;
  console.log("no more faults; waiting for the runs");

  const wrong = [...traffic.wrong, ...await checkRuns(world, runs)];
  report(world, runs, hits, traffic);
  wrong.push(...await checkWorld(world));
  for (const line of wrong) console.log(`VIOLATED: ${line}`);
  console.log(
    `seed ${options.seed}, ${options.database}, ${options.artifacts}, ${options.workers} workers: ${runs.length} runs, ` +
      `${Array.from(hits.values()).reduce((sum, n) => sum + n, 0)} faults, ` +
      `${wrong.length} violations, ${Math.round((Date.now() - started) / 1000)} s`,
  );
  return wrong.length === 0 ? 0 : 1;
}

function report(
  world: World,
  runs: readonly WatchedRun[],
  hits: ReadonlyMap<Fault, number>,
  traffic: Traffic,
): void {
  console.log(`answered: ${[...traffic.done].map(([what, n]) => `${n} × ${what}`).join(", ")}`);
  for (const [fault, times] of hits) console.log(`${String(times).padStart(5)} × ${fault.name}`);
  const events = runs.flatMap(({ watcher }) => watcher.events);
  const count = (type: string) => events.filter((event) => event.type === type).length;
  const reasons = Map.groupBy(
    events.filter(({ type }) => type === "retry"),
    ({ data }) => data.error.type as string,
  );
  console.log(
    `${runs.length} runs: ${count("succeeded")} succeeded, ${count("failed")} given up, ` +
      `${count("cancelled")} cancelled; ${together(runs)} attempts together; ` +
      `${count("started")} attempts; put back: ` +
      [...reasons].map(([reason, all]) => `${reason} ${all.length}, `).join("") +
      `released ${count("released")}; ${count("warning")} warnings; ` +
      `${runs.reduce((sum, { watcher }) => sum + watcher.connections, 0)} connections of ` +
      `${runs.length} clients, ${events.length} events; ${world.runs.length} runs in the store`,
  );
}

function together(runs: readonly WatchedRun[]): number {
  return runs.flatMap(({ watcher }) => watcher.events)
    .filter(({ type, data }) => type === "device" && data.trains_with?.length > 0).length;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(readOptions(Deno.args)));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
