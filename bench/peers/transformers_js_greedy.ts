// The same greedy generation as bench/greedy.ts by transformers.js over ONNX Runtime: takes the same options,
// prints the same JSON line. FOLDER is one that bench/peers/export_onnx.py made.

import { basename, dirname, resolve } from "@std/path";
import { greedyPrompts, measureGreedy, parseGreedyOptions } from "../greedy_options.ts";
import { loadWebBuild } from "./transformers_web.ts";

// 300 MB of native code: named at run time, so that neither a type check nor the lock file brings it.
const PACKAGE = "npm:@huggingface/transformers@4.3.1";

const options = parseGreedyOptions(Deno.args);
const folder = resolve(options.folder);
const native = await import(PACKAGE);
const scratch = await Deno.makeTempDir({ prefix: "noregret-transformers-" });
try {
  // Its cache lies in the package.
  const root = dirname(resolve(native.env.cacheDir));
  const web = options.device === "webgpu";
  const transformers = web ? await loadWebBuild(root, scratch) : native;
  const { AutoModelForCausalLM, Tensor, env } = transformers;
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = `${web ? "file://" : ""}${dirname(folder)}/`;
  const model = await AutoModelForCausalLM.from_pretrained(basename(folder), {
    device: options.device,
    dtype: "fp32",
    session_options: { intraOpNumThreads: options.threads, interOpNumThreads: 1 },
  });
  const prompts = greedyPrompts(options, model.config.vocab_size).flat();
  const tensor = (values: bigint[]) =>
    new Tensor("int64", BigInt64Array.from(values), [options.batch, options.prompt]);
  const result = await measureGreedy(options, async (tokens) => {
    const output = await model.generate({
      inputs: tensor(prompts.map(BigInt)),
      attention_mask: tensor(prompts.map(() => 1n)),
      max_new_tokens: tokens,
      do_sample: false,
    });
    return output.tolist().map((row: bigint[]) => row.slice(options.prompt).map(Number));
  });
  console.log(JSON.stringify(result));
} finally {
  await Deno.remove(scratch, { recursive: true });
}
Deno.exit();
