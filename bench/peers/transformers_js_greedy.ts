// The same greedy generation as bench/greedy.ts by transformers.js over ONNX Runtime: takes the same options,
// prints the same JSON line. FOLDER is one that bench/peers/export_onnx.py made.

import { basename, dirname, resolve } from "@std/path";
import { greedyPrompts, measureGreedy, parseGreedyOptions } from "../greedy_options.ts";

// 300 MB of native code: named at run time, so that neither a type check nor the lock file brings it.
const PACKAGE = "npm:@huggingface/transformers@4.3.1";
const { AutoModelForCausalLM, Tensor, env } = await import(PACKAGE);

const options = parseGreedyOptions(Deno.args);
const folder = resolve(options.folder);
env.allowRemoteModels = false;
env.localModelPath = dirname(folder) + "/";
const model = await AutoModelForCausalLM.from_pretrained(basename(folder), {
  device: options.device,
  dtype: "fp32",
  session_options: { intraOpNumThreads: options.threads, interOpNumThreads: 1 },
});
const prompts = greedyPrompts(options, model.config.vocab_size);
const tensor = (values: bigint[]) =>
  new Tensor("int64", BigInt64Array.from(values), [options.batch, options.prompt]);
const inputs = tensor(prompts.flat().map(BigInt));
const attention_mask = tensor(prompts.flat().map(() => 1n));
const result = await measureGreedy(options, async (tokens) => {
  const output = await model.generate({
    inputs,
    attention_mask,
    max_new_tokens: tokens,
    do_sample: false,
  });
  return output.tolist().map((row: bigint[]) => row.slice(options.prompt).map(Number));
});
console.log(JSON.stringify(result));
Deno.exit();
