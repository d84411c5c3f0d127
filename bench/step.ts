// Measures one training step: `deno task bench:step --hidden 128 --layers 4 … --method lora|full`.
// Random weights, tied embeddings, every token counted. Prints one JSON line; times are medians.

import { openStep } from "./open_step.ts";
import { parseStepOptions, type StepOptions } from "./step_options.ts";

/** Steps that are run and not measured: the first compiles and fills caches. */
const WARMUP_STEPS = 2;

/** What a step's measurement prints. */
export interface StepResult {
  readonly tokens_per_s: number;
  readonly ms_per_step: number;
  /** Most bytes alive on the device at once. */
  readonly peak_memory_bytes: number;
  /** The same as planned before anything is allocated. */
  readonly planned_memory_bytes: number;
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
  const { backend, model, step, batch, optimizer, parameters, plannedBytes } = await openStep(
    options,
  );
  const tokens = batch.ids.length;
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
  // A checkpoint reads back what is trained: part of a run's memory, and of what is planned.
  await model.trainable.state();
  const result = {
    tokens_per_s: tokens / ms * 1000,
    ms_per_step: ms,
    peak_memory_bytes: backend.memory().peakBytes,
    planned_memory_bytes: plannedBytes,
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
