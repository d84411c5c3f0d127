// Small runs through the queue with 1, 2 and 4 workers of one thread each, on one machine: runs a minute,
// from the first start to the last end, and what a run waits between two of them.
//
//     deno task bench:workers [--runs 12] [--steps 60] [--workers 1,2,4] [--postgres]
//
// With --postgres the queue is pg-boss on a server of its own, as on many hosts. Prints a JSON line for each
// number of workers.

import { parseArgs } from "node:util";
import type { Run } from "../runs/spec/run.ts";
import { Service } from "../tests/e2e/service.ts";
import { makeTinyHome } from "../tests/runs/tiny_home.ts";
import { startPostgres } from "../tests/support/postgres.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "12" },
    steps: { type: "string", default: "60" },
    workers: { type: "string", default: "1,2,4" },
    postgres: { type: "boolean", default: false },
  },
});
const runs = Number(values.runs), steps = Number(values.steps);

await using tiny = await makeTinyHome();
await using server = values.postgres ? await startPostgres() : undefined;
const env = {
  NOREGRET_GPU: "off",
  NOREGRET_THREADS: "1",
  ...(server && { DATABASE_URL: await server.createDatabase() }),
};
await using service = await Service.start(tiny.home, { ...env, NOREGRET_JOBS: "0" });

const spec = (seed: number) => ({
  model: "noregret/tiny",
  seed,
  method: { kind: "lora", r: 8 },
  task: { kind: "sft", dataset: "stdlib/moby-dick", max_length: 128 },
  batch_size: 8,
  max_steps: steps,
  eval_steps: [100_000],
  save_steps: 100_000,
});

for (const [round, count] of values.workers.split(",").map(Number).entries()) {
  const workers = Array.from({ length: count }, () => Service.startWorker(tiny.home, env));
  try {
    while ((await service.json("/readyz")).workers < count) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const ids: string[] = [];
    for (let run = 0; run < runs; run++) ids.push(await service.post(spec(round * runs + run)));
    await Promise.all(ids.map((id) => service.events(id)));
    const ended: Run[] = await Promise.all(ids.map((id) => service.json(`/v1/runs/${id}`)));
    const bad = ended.find(({ status }) => status !== "succeeded");
    if (bad) throw new Error(`Cannot measure: run ${bad.id} is ${bad.status}`);
    const from = Math.min(...ended.map((run) => Date.parse(run.started_at!)));
    const to = Math.max(...ended.map((run) => Date.parse(run.finished_at!)));
    const seconds = (to - from) / 1000;
    const training = ended.map(({ result }) => result!.seconds).sort((a, b) => a - b);
    const busy = ended.reduce(
      (sum, run) => sum + Date.parse(run.finished_at!) - Date.parse(run.started_at!),
      0,
    ) / 1000;
    const round2 = (value: number) => Math.round(value * 100) / 100;
    console.log(JSON.stringify({
      queue: values.postgres ? "pg-boss" : "sqlite",
      workers: count,
      runs,
      seconds: round2(seconds),
      runs_per_minute: round2(60 * runs / seconds),
      training_s: round2(training[runs >> 1]!),
      // Of the workers' time, what no run had: looking for the next one.
      idle: round2(1 - busy / (count * seconds)),
    }));
  } finally {
    for (const worker of workers) worker.kill("SIGTERM");
    await Promise.all(workers.map(({ status }) => status));
  }
}
