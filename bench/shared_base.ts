// Adapters that train together beside the same adapters one after another: `deno task bench:shared --members 8
// --batch 16 --seq 128 --threads 2 --steps 20 --rounds 5`. noregret/tiny, learning rates a factor of √10
// apart, random bytes; the two ways take turns, losses are compared first. Prints one JSON line; times are
// the least of the rounds, because other work on a machine only ever adds; processor time says what it would be without waiting.

import { cpuUsage } from "node:process";
import { parseArgs } from "node:util";
import { createCpuBackend } from "../compute/backend/cpu/cpu_backend.ts";
import { parseModelConfig } from "../compute/models/config.ts";
import type { Method } from "../compute/models/method.ts";
import { createModels, randomWeights } from "../compute/models/model.ts";
import { philox } from "../compute/rng.ts";
import type { Batch } from "../compute/train/batch.ts";
import { type JoinedPass, JoinedStep } from "../compute/train/joined_step.ts";
import { TrainStep } from "../compute/train/step.ts";

const { values } = parseArgs({
  options: {
    members: { type: "string", default: "8" },
    rank: { type: "string", default: "8" },
    batch: { type: "string", default: "16" },
    seq: { type: "string", default: "128" },
    threads: { type: "string", default: String(navigator.hardwareConcurrency) },
    steps: { type: "string", default: "20" },
    rounds: { type: "string", default: "5" },
    pass: { type: "string", default: "each" },
  },
});
const number = (name: keyof typeof values) => {
  const n = Number(values[name]);
  if (Number.isInteger(n) && n > 0) return n;
  throw new RangeError(`Cannot take --${name} ${values[name]}: expected a whole number above 0`);
};
const count = number("members"), steps = number("steps"), threads = number("threads");
const pass = values.pass as JoinedPass;
if (pass !== "one" && pass !== "each") {
  throw new RangeError(`Cannot take --pass ${pass}: expected one or each`);
}
const tokens = number("batch") * number("seq");

const config = parseModelConfig(
  JSON.parse(Deno.readTextFileSync(new URL("../data/models/tiny/config.json", import.meta.url))),
);

function randomBatch(index: number): Batch {
  const seq = number("seq");
  const ids = Uint32Array.from(
    { length: tokens },
    (_, n) => philox([n, index, 0, 0], [1, 2])[0] % config.vocab_size,
  );
  const first = (n: number) => n - n % seq;
  return {
    ids,
    targets: Uint32Array.from(ids, (_, n) => ids[(n + 1) % tokens]!),
    weight: new Float32Array(tokens).fill(1 / tokens),
    start: Uint32Array.from(ids, (_, n) => first(n)),
    end: Uint32Array.from(ids, (_, n) => first(n) + seq),
    counted: tokens,
  };
}

const backend = await createCpuBackend({ threads });
const method: Method = {
  kind: "lora",
  r: number("rank"),
  lora_alpha: 32,
  target_modules: "all",
  init: "peft",
};
const optimizers = Array.from({ length: count }, (_, i) => ({
  learning_rate: 1e-4 * 10 ** (i / 2),
  betas: [0.9, 0.999] as const,
  eps: 1e-8,
  weight_decay: 0,
  max_grad_norm: 1,
}));
const base = { backend, config, weights: randomWeights(config, 0), dtype: "f32" } as const;
const member = { method, seed: 0 };
const batches = Array.from({ length: steps }, (_, i) => randomBatch(i));

const joinedModels = await createModels(base, optimizers.map(() => member));
const joined = new JoinedStep(joinedModels, tokens, { pass });
const singles = await createModels(base, optimizers.map(() => member));
const alone = singles.map((model) => new TrainStep(model, tokens));

let t = 0;
async function trainTogether(): Promise<number[][]> {
  batches.forEach((batch, i) => joined.run([batch], optimizers, t + i + 1));
  return (await joined.drain()).map((metrics) => metrics.map(({ loss }) => loss));
}
async function trainInTurn(): Promise<number[][]> {
  const losses: number[][] = [];
  for (const [k, step] of alone.entries()) {
    batches.forEach((batch, i) => step.run([batch], optimizers[k]!, t + i + 1));
    losses.push((await step.drain()).map(({ loss }) => loss));
  }
  return losses;
}
interface Timed {
  readonly result: number[][];
  readonly ms: number;
  /** Of all threads, in the program itself. */
  readonly processorMs: number;
}

async function timed(body: () => Promise<number[][]>): Promise<Timed> {
  const started = performance.now(), used = cpuUsage();
  const result = await body();
  return {
    result,
    ms: performance.now() - started,
    processorMs: cpuUsage(used).user / 1000,
  };
}

const times: { together: Timed; inTurn: Timed }[] = [];
for (let round = 0; round <= number("rounds"); round++) {
  const together = await timed(trainTogether), inTurn = await timed(trainInTurn);
  if (JSON.stringify(together.result) !== JSON.stringify(inTurn.result)) {
    throw new RangeError("Cannot compare: the losses of the two ways differ");
  }
  t += steps;
  // The first round compiles and fills caches.
  if (round > 0) times.push({ together, inTurn });
}
const least = (way: "together" | "inTurn", what: "ms" | "processorMs") =>
  Math.min(...times.map((time) => time[way][what]));
const together = least("together", "ms"), inTurn = least("inTurn", "ms");
const rate = (ms: number) => Math.round(tokens * steps * count / ms * 1000);
console.log(JSON.stringify({
  members: count,
  pass,
  rank: number("rank"),
  tokens,
  together_tokens_per_s: rate(together),
  in_turn_tokens_per_s: rate(inTurn),
  ratio: Number((inTurn / together).toFixed(3)),
  processor_time_ratio: Number(
    (least("inTurn", "processorMs") / least("together", "processorMs")).toFixed(3),
  ),
  device: backend.info.device,
}));
backend.close();
