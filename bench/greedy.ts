// Measures greedy generation, as peers do: `deno run -A bench/greedy.ts FOLDER --batch 8 …`. Prints one JSON line.

import { chooseBackend } from "../compute/backend/choose.ts";
import { FROZEN } from "../compute/models/method.ts";
import { createModel } from "../compute/models/model.ts";
import { createGenerator } from "../compute/train/generate.ts";
import { openModel } from "../runs/worker/stored_models.ts";
import { greedyPrompts, measureGreedy, parseGreedyOptions } from "./greedy_options.ts";

const options = parseGreedyOptions(Deno.args);
const backend = await chooseBackend({ backend: options.device, threads: options.threads });
const { config, weights } = await openModel(options.folder);
const model = await createModel({
  backend,
  config,
  weights,
  method: FROZEN,
  dtype: "f32",
  seed: 0,
});
const generator = createGenerator(model, {
  batch: options.batch,
  maxPromptLength: options.prompt,
  maxCompletionLength: options.tokens,
});
const prompts = greedyPrompts(options, config.vocab_size).map((ids) => Uint32Array.from(ids));
const result = await measureGreedy(options, async (tokens) => {
  const drawn = await generator.generate(prompts, { temperature: 0, max_new_tokens: tokens });
  return drawn.map(({ ids }) => [...ids]);
});
console.log(JSON.stringify(result));
backend.close();
