// Measures one training step: `deno task bench:step --hidden 128 --layers 4 … --method lora|full`.
// Random weights, tied embeddings, every token counted. Prints one JSON line; times are medians.

import { chooseBackend } from "../compute/backend/choose.ts";
import { parseModelConfig } from "../compute/models/config.ts";
import type { Method } from "../compute/models/method.ts";
import { createModel, randomWeights } from "../compute/models/model.ts";
import type { Batch } from "../compute/train/batch.ts";
import { philox } from "../compute/rng.ts";
import { TrainStep } from "../compute/train/step.ts";
import { parseStepOptions, type StepOptions } from "./step_options.ts";

/** Steps that are run and not measured: the first compiles and fills caches. */
const WARMUP_STEPS = 2;

/** What a step's measurement prints. */
export interface StepResult {
  readonly tokens_per_s: number;
  readonly ms_per_step: number;
  /** Most bytes alive on the device at once. */
  readonly peak_memory_bytes: number;
  /** Bytes of the frozen weights. */
  readonly frozen_bytes: number;
  /** Most resident memory of the process, where the system tells. */
  readonly peak_rss_bytes: number;
  readonly loss: number;
  readonly trainable_parameters: number;
  readonly parameters: number;
  readonly device: string;
  readonly options: StepOptions;
}

function randomBatch({ batch, seq, vocab }: StepOptions): Batch {
  const tokens = batch * seq;
  const ids = Uint32Array.from(
    { length: tokens },
    (_, n) => philox([n, 0, 0, 0], [1, 2])[0] % vocab,
  );
  const row = (n: number) => Math.floor(n / seq);
  return {
    ids,
    targets: Uint32Array.from(ids, (_, n) => ids[(n + 1) % tokens]!),
    weight: new Float32Array(tokens).fill(1 / tokens),
    start: Uint32Array.from(ids, (_, n) => row(n) * seq),
    end: Uint32Array.from(ids, (_, n) => (row(n) + 1) * seq),
    counted: tokens,
  };
}

function peakResidentBytes(): number {
  try {
    const line = Deno.readTextFileSync("/proc/self/status").match(/VmHWM:\s+(\d+) kB/);
    return Number(line?.[1] ?? 0) * 1024;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return Deno.memoryUsage().rss;
    throw error;
  }
}

/** Builds the model, runs the steps and returns medians. */
export async function measureStep(options: StepOptions): Promise<StepResult> {
  const backend = await chooseBackend({ backend: options.backend, threads: options.threads });
  const config = parseModelConfig({
    architectures: ["LlamaForCausalLM"],
    hidden_size: options.hidden,
    intermediate_size: options.intermediate,
    num_hidden_layers: options.layers,
    num_attention_heads: options.heads,
    num_key_value_heads: options.kvHeads,
    vocab_size: options.vocab,
    max_position_embeddings: options.seq,
    tie_word_embeddings: true,
  });
  const method: Method = options.method === "full" ? { kind: "full" } : {
    kind: "lora",
    r: options.r,
    lora_alpha: 32,
    target_modules: "all",
    init: "peft",
  };
  const weights = randomWeights(config, 0);
  const { dtype } = options;
  const model = await createModel({ backend, config, weights, method, dtype, seed: 0 });
  const batch = randomBatch(options);
  const tokens = batch.ids.length;
  const step = new TrainStep(model, tokens);
  const optimizer = {
    learning_rate: 1e-4,
    betas: [0.9, 0.999] as const,
    eps: 1e-8,
    weight_decay: 0,
    max_grad_norm: 1,
  };
  const times: number[] = [];
  let loss = NaN;
  for (let t = 1; t <= WARMUP_STEPS + options.steps; t++) {
    const started = performance.now();
    step.run([batch], optimizer, t);
    const [metrics] = await step.drain();
    if (t > WARMUP_STEPS) times.push(performance.now() - started);
    loss = metrics!.loss;
  }
  const ms = times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
  const parameters = [...weights.names].reduce(
    (sum, name) => sum + weights.shape(name).reduce((product, n) => product * n, 1),
    0,
  );
  const result = {
    tokens_per_s: tokens / ms * 1000,
    ms_per_step: ms,
    peak_memory_bytes: backend.memory().peakBytes,
    frozen_bytes: model.frozenBytes,
    peak_rss_bytes: peakResidentBytes(),
    loss,
    trainable_parameters: model.trainable.count,
    parameters,
    device: backend.info.device,
    options,
  };
  backend.close();
  return result;
}

if (import.meta.main) {
  try {
    console.log(JSON.stringify(await measureStep(parseStepOptions(Deno.args))));
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
