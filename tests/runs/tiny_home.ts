// A data folder with a small random model in it, made by the test and removed after it.

import { join } from "@std/path";
import { parseModelConfig, weightShapes } from "../../compute/models/config.ts";
import { randomWeights } from "../../compute/models/model.ts";
import { encodeSafetensors } from "../../compute/models/safetensors.ts";
import { localArtifacts } from "../../runs/artifacts/local_artifacts.ts";
import type { Places } from "../../runs/places.ts";
import { homePaths } from "../../runs/configuration.ts";
import type { RunSpecInput } from "../../runs/spec/run_spec.ts";

/** config.json of the model `tiny`. */
export const TINY_CONFIG = {
  architectures: ["LlamaForCausalLM"],
  hidden_size: 16,
  intermediate_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 64,
  max_position_embeddings: 32,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
};

/** A data folder that is removed at the end of the scope. */
export interface TinyHome extends Places, AsyncDisposable {
  readonly home: string;
}

/** Makes a data folder with the model `tiny`. */
export async function makeTinyHome(): Promise<TinyHome> {
  const home = await Deno.makeTempDir({ prefix: "noregret-" });
  await fillTinyHome(home);
  return {
    home,
    paths: homePaths(home),
    artifacts: localArtifacts(home),
    [Symbol.asyncDispose]: () => Deno.remove(home, { recursive: true }),
  };
}

/** Puts the model `tiny` into a data folder. */
export async function fillTinyHome(home: string): Promise<void> {
  const folder = join(homePaths(home).models, "tiny");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(TINY_CONFIG));
  await Deno.writeFile(join(folder, "model.safetensors"), await tinyWeights());
}

/** model.safetensors of the model `tiny`. */
export async function tinyWeights(): Promise<Uint8Array<ArrayBuffer>> {
  const config = parseModelConfig(TINY_CONFIG);
  const source = randomWeights(config, 1, 0.1);
  const tensors = new Map();
  for (const [name, shape] of weightShapes(config)) {
    tensors.set(name, { dtype: "F32", shape, data: await source.read(name, "f32") });
  }
  return encodeSafetensors(tensors);
}

/** `rows` sequences of `length` ids below 64 that follow a rule which can be learnt. */
export function tinyIds(rows: number, length: number): number[][] {
  return Array.from(
    { length: rows },
    (_, row) => Array.from({ length }, (_, i) => (7 * row + 3 * i * (1 + row % 3)) % 64),
  );
}

/** A spec for the model `tiny` with inline data; `changes` go over its top level. */
export function tinySpec(changes: Partial<RunSpecInput> = {}): RunSpecInput {
  return {
    model: "tiny",
    method: { kind: "lora", r: 4 },
    task: {
      kind: "sft",
      dataset: { inline: { input_ids: tinyIds(8, 16) } },
      eval_dataset: { inline: { input_ids: tinyIds(2, 16) } },
      max_length: 16,
      num_epochs: 1000,
    },
    optimizer: { learning_rate: 0.01 },
    batch_size: 4,
    max_steps: 20,
    logging_steps: 1,
    eval_steps: 10,
    save_steps: 5,
    ...changes,
  };
}
