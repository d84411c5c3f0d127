// A sweep of 8 learning rates of noregret/tiny through the service, with and without a shared base: `deno task
// bench:sweep --steps 30 --batch 16 --rounds 3 --threads 2`. One job at a time, so that what does not share runs one after
// another. Seconds from the first run's start to the last one's end; the two ways take turns, held-out losses
// are compared. Prints one JSON line with the least of the rounds.

import { parseArgs } from "node:util";
import { TextLineStream } from "../runs/text_lines.ts";

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "30" },
    batch: { type: "string", default: "16" },
    rounds: { type: "string", default: "3" },
    threads: { type: "string", default: String(navigator.hardwareConcurrency) },
  },
});
const steps = Number(values.steps), rounds = Number(values.rounds), batch = Number(values.batch);
const home = await Deno.makeTempDir({ prefix: "noregret-bench-" });
const service = new Deno.Command(Deno.execPath(), {
  args: ["run", "-A", "--quiet", new URL("../main.ts", import.meta.url).pathname, "serve"],
  env: {
    NOREGRET_HOME: home,
    NOREGRET_JOBS: "1",
    NOREGRET_THREADS: values.threads,
    HOST: "127.0.0.1",
    PORT: "0",
  },
  stdout: "piped",
}).spawn();

/** The address that the service says it listens on. */
async function address(): Promise<string> {
  const lines = service.stdout.pipeThrough(new TextLineStream()).getReader();
  for (;;) {
    const { value, done } = await lines.read();
    if (done) throw new Error("Cannot measure: the service ended before it listened");
    const url = /http:\S+/.exec(value)?.[0];
    if (!url) continue;
    void (async () => {
      while (!(await lines.read()).done);
    })();
    return url;
  }
}

/** Seconds of a sweep, and its held-out losses. */
async function sweep(url: string, shared_base: boolean, seed: number) {
  const request = {
    spec: {
      model: "noregret/tiny",
      seed,
      method: { kind: "lora", r: 8 },
      task: { kind: "sft", dataset: "stdlib/sotu", max_length: 128 },
      batch_size: batch,
      max_steps: steps,
      eval_steps: steps,
    },
    grid: {
      "optimizer.learning_rate": [3e-4, 6e-4, 1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2],
    },
    shared_base,
  };
  const response = await fetch(`${url}/v1/sweeps`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(request),
  });
  if (!response.ok) throw new Error(await response.text());
  const { id } = await response.json();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { status, runs } = await (await fetch(`${url}/v1/sweeps/${id}`)).json();
    if (status !== "done") continue;
    const all = await Promise.all(
      runs.map(async ({ run_id }: { run_id: string }) =>
        await (await fetch(`${url}/v1/runs/${run_id}`)).json()
      ),
    );
    const times = (field: string) => all.map((run) => Date.parse(run[field]));
    return {
      seconds: (Math.max(...times("finished_at")) - Math.min(...times("started_at"))) / 1000,
      losses: all.map(({ result }) => result.eval_nll),
    };
  }
}

try {
  const url = await address();
  const together: number[] = [], inTurn: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const shared = await sweep(url, true, round), plain = await sweep(url, false, round);
    if (JSON.stringify(shared.losses) !== JSON.stringify(plain.losses)) {
      throw new Error(`Cannot compare: losses are ${shared.losses} and ${plain.losses}`);
    }
    together.push(shared.seconds);
    inTurn.push(plain.seconds);
  }
  const seconds = { together: Math.min(...together), in_turn: Math.min(...inTurn) };
  const ratio = Number((seconds.in_turn / seconds.together).toFixed(2));
  const threads = Number(values.threads);
  console.log(
    JSON.stringify({ steps, batch, threads, ...seconds, ratio, rounds: { together, inTurn } }),
  );
} finally {
  service.kill("SIGTERM");
  await service.status;
  await Deno.remove(home, { recursive: true });
}
