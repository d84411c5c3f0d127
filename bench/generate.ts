// Measures sampling: `deno task bench:generate --hidden 128 --layers 4 … --batch 32 --seq 256`. Half of `seq` is a
// prompt that all of the batch share, half is drawn at temperature 0.8 with no stop token, as in a GRPO group.
// Random weights with an adapter. Prints one JSON line; the time is the least of all runs.

import { chooseBackend } from "../compute/backend/choose.ts";
import { createModel, randomWeights } from "../compute/models/model.ts";
import { philox } from "../compute/rng.ts";
import { createGenerator } from "../compute/train/generate.ts";
import { modelConfig } from "./open_step.ts";
import { parseStepOptions, type StepOptions } from "./step_options.ts";

/** What a measurement prints. */
export interface GenerateResult {
  readonly tokens_per_s: number;
  readonly seconds: number;
  readonly peak_memory_bytes: number;
  readonly device: string;
  readonly options: StepOptions;
}

/** Builds the model, generates `steps` times after a warm-up. */
async function measureGenerate(options: StepOptions): Promise<GenerateResult> {
  const backend = await chooseBackend({ backend: options.backend, threads: options.threads });
  const config = modelConfig(options);
  const model = await createModel({
    backend,
    config,
    weights: randomWeights(config, 0),
    method: { kind: "lora", r: options.r, lora_alpha: 32, target_modules: "all", init: "peft" },
    dtype: options.dtype,
    seed: 0,
  });
  const length = options.seq >> 1;
  const generator = createGenerator(model, {
    batch: options.batch,
    maxPromptLength: length,
    maxCompletionLength: length,
  });
  const prompt = Uint32Array.from(
    { length },
    (_, n) => philox([n, 0, 0, 0], [1, 2])[0] % options.vocab,
  );
  let seconds = Infinity;
  for (let run = 0; run <= options.steps; run++) {
    const started = performance.now();
    await generator.generate([prompt], {
      num_generations: options.batch,
      temperature: 0.8,
      seed: run,
    });
    // The first run records the plans.
    if (run > 0) seconds = Math.min(seconds, (performance.now() - started) / 1000);
  }
  const result = {
    tokens_per_s: options.batch * length / seconds,
    seconds,
    peak_memory_bytes: backend.memory().peakBytes,
    device: backend.info.device,
    options,
  };
  backend.close();
  return result;
}

if (import.meta.main) {
  try {
    console.log(JSON.stringify(await measureGenerate(parseStepOptions(Deno.args))));
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
