// The service under load while a run trains: mixed reads at a fixed rate and open event streams, then a
// long queue and a long curve. Prints one JSON line a part.
//
//     deno run -A bench/load.ts [--seconds 60] [--rate 200] [--streams 100]

import { parseArgs } from "node:util";
import { openRuns } from "../runs/open_runs.ts";
import { parseRunSpec } from "../runs/spec/parse_spec.ts";
import { specHash } from "../runs/spec/spec_hash.ts";
import { Service } from "../tests/e2e/service.ts";
import { makeTinyHome, tinySpec } from "../tests/runs/tiny_home.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    rate: { type: "string", default: "200" },
    streams: { type: "string", default: "100" },
  },
});
const seconds = Number(values.seconds), rate = Number(values.rate);
const streams = Number(values.streams);

const SPEC = {
  model: "noregret/tiny",
  method: { kind: "lora", r: 8 },
  task: { kind: "sft", dataset: "stdlib/moby-dick", max_length: 256, num_epochs: 1000 },
  batch_size: 2,
  max_steps: 100_000,
  logging_steps: 10,
  eval_steps: 100_000,
  save_steps: 100_000,
};

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const print = (part: string, numbers: object) => console.log(JSON.stringify({ part, ...numbers }));

function percentiles(times: number[]) {
  times.sort((a, b) => a - b);
  const at = (share: number) => round(times[Math.min(times.length - 1, times.length * share | 0)]!);
  return { p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1) };
}

const round = (value: number) => Math.round(value * 100) / 100;

/** Tokens a second of a run over `ms` milliseconds. */
async function speedOf(service: Service, id: string, ms: number): Promise<number> {
  const tokens = async () => (await service.json(`/v1/runs/${id}`)).progress?.tokens ?? 0;
  const before = await tokens(), started = performance.now();
  await sleep(ms);
  return Math.round((await tokens() - before) / (performance.now() - started) * 1000);
}

await using tiny = await makeTinyHome();
await using service = await Service.start(tiny.home, { NOREGRET_STREAMS: "1000" });
const id = await service.post(SPEC);
await service.events(id, 0, ({ type, data }) => type === "step" && data.step > 20);

const alone = await speedOf(service, id, 15_000);

const stop = new AbortController();
let events = 0;
const watching = Array.from({ length: streams }, async () => {
  const answer = await fetch(`${service.url}/v1/runs/${id}/events?after=end`, {
    signal: stop.signal,
  });
  for await (const _ of answer.body!) events++;
});
watching.forEach((each) => each.catch(() => {}));
await sleep(1000);

const PATHS = [
  `/v1/runs/${id}`,
  "/v1/runs?limit=20",
  `/v1/runs/${id}/checkpoints`,
  "/healthz",
  `/v1/runs/${id}`,
  "/v1/models",
  "/",
  "/metrics",
];
const times: number[] = [];
let errors = 0;
const asked: Promise<void>[] = [];
const speed = speedOf(service, id, seconds * 1000);
const started = performance.now();
for (let n = 0; n < rate * seconds; n++) {
  const due = started + n * 1000 / rate;
  const wait = due - performance.now();
  if (wait > 1) await sleep(wait);
  asked.push(
    (async () => {
      const answer = await fetch(service.url + PATHS[n % PATHS.length]);
      await answer.bytes();
      // From when it was due: a service that is behind is not excused.
      times.push(performance.now() - due);
      if (!answer.ok) errors++;
    })().catch(() => void errors++),
  );
}
await Promise.all(asked);
const loaded = await speed;
stop.abort();
print("reads", {
  requests: times.length,
  rate,
  streams,
  errors,
  ...percentiles(times),
  events,
  tokens_per_s_alone: alone,
  tokens_per_s_loaded: loaded,
  slowed: round(1 - loaded / alone),
});
await service.json(`/v1/runs/${id}/cancel`, { method: "POST" }, 202);
await service.stop();

{
  await using runs = await openRuns({ home: tiny.home, databaseUrl: undefined, lease: 15_000 });
  await using idle = await Service.start(tiny.home, { NOREGRET_JOBS: "0" });
  const at = performance.now();
  for (let seed = 0; seed < 10_000; seed++) {
    const spec = parseRunSpec(tinySpec({ seed, model: "noregret/tiny" }));
    await runs.store.create({ spec, specHash: specHash(spec), codeVersion: "bench" });
  }
  const stored = performance.now();
  const reads: number[] = [], claims: number[] = [];
  for (let n = 0; n < 100; n++) {
    let from = performance.now();
    await idle.json("/v1/runs?limit=50");
    reads.push(performance.now() - from);
    from = performance.now();
    await runs.queue.claim("bench");
    claims.push(performance.now() - from);
  }
  print("queue of 10,000", {
    stored_per_s: Math.round(10_000 / (stored - at) * 1000),
    list: percentiles(reads),
    claim: percentiles(claims),
  });

  const claim = (await runs.queue.claim("bench"))!;
  for (let step = 0; step < 1_000_000; step += 10_000) {
    const points = Array.from({ length: 10_000 }, (_, i) => ({
      step: step + i,
      tokens: 512 * (step + i),
      train_nll: 2 + 1 / (1 + step + i),
      ...((step + i) % 1000 === 0 && { eval_nll: 2.1 }),
    }));
    await runs.store.report(claim, { points });
  }
  const pages: number[] = [];
  for (let n = 0; n < 20; n++) {
    const from = performance.now();
    await (await fetch(`${idle.url}/runs/${claim.id}`)).bytes();
    pages.push(performance.now() - from);
  }
  print("page of 1,000,000 points", percentiles(pages));
}
