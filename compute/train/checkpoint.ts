// A checkpoint as bytes: PEFT's two files for the adapter (or model.safetensors for full fine-tuning),
// and the optimiser's state beside them. Who writes them to a disk is not decided here.

import type { Model } from "../models/model.ts";
import {
  type ByteSource,
  encodeSafetensors,
  readSafetensorsHeader,
} from "../models/safetensors.ts";
import type { ModelConfig } from "../models/config.ts";
import { fuse, fusedSites, fusesByItself } from "../models/fused_adapter.ts";
import { adapterNames, adapterSites, type LoraMethod, PEFT_PREFIX } from "../models/method.ts";
import { peftConfig } from "../models/peft_config.ts";
import type { TrainingState } from "./sft.ts";

/** File name → contents. */
export type Files = Map<string, Uint8Array<ArrayBuffer>>;

const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value, null, 2) + "\n");

/**
 * The trained parameters in the layout that others load: `adapter_config.json` and
 * `adapter_model.safetensors` for LoRA, `model.safetensors` with the trained weights for full fine-tuning.
 */
export async function trainedFiles(model: Model, baseModel: string): Promise<Files> {
  const { trainable, method, backend, config } = model;
  const tensors: Tensors = new Map();
  for (const { name, value } of trainable.parameters) {
    const data = await backend.read(value) as Float32Array;
    tensors.set(name, { dtype: "F32", shape: value.shape, data });
  }
  // PEFT keeps a tied output embedding under its own name too.
  const embedding = tensors.get(`${PEFT_PREFIX}model.embed_tokens.weight`);
  if (embedding && config.tie_word_embeddings) {
    tensors.set(`${PEFT_PREFIX}lm_head.weight`, embedding);
  }
  if (method.kind === "lora") fuseExperts(tensors, config, method);
  const bytes = encodeSafetensors(tensors, { format: "pt" });
  if (method.kind === "full") return new Map([["model.safetensors", bytes]]);
  return new Map([
    ["adapter_config.json", text(peftConfig(config, method, baseModel))],
    ["adapter_model.safetensors", bytes],
  ]);
}

type Tensors = Map<string, { dtype: "F32"; shape: readonly number[]; data: Float32Array }>;

/** Puts fused matrices in place of single experts' where PEFT could not fuse them itself. */
function fuseExperts(tensors: Tensors, config: ModelConfig, method: LoraMethod): void {
  const sites = adapterSites(config, method);
  if (fusesByItself(config, sites, method)) return;
  for (const site of fusedSites(sites).fused) {
    const { a, b } = fuse(site, (name) => tensors.get(name)!.data);
    for (const { module } of [...site.leaves.values()].flat()) {
      const names = adapterNames(module);
      tensors.delete(names.a);
      tensors.delete(names.b);
    }
    const names = adapterNames(site.wrapper);
    tensors.set(names.a, { dtype: "F32", ...a });
    tensors.set(names.b, { dtype: "F32", ...b });
  }
}

/** `trainer_state.json` and `optimizer.safetensors`: what a resume reads. */
export function stateFiles(state: TrainingState): Files {
  const arrays = new Map(
    state.arrays.map((data, i) => [
      `slab.${Math.floor(i / 3)}.${["value", "exp_avg", "exp_avg_sq"][i % 3]}`,
      { dtype: "F32" as const, shape: [data.length], data },
    ]),
  );
  const { step, tokens, cursor } = state;
  return new Map([
    ["optimizer.safetensors", encodeSafetensors(arrays)],
    ["trainer_state.json", text({ step, tokens, cursor, arrays: [...arrays.keys()] })],
  ]);
}

/**
 * Reads what {@linkcode stateFiles} wrote.
 *
 * @throws {SyntaxError} if a file is torn.
 */
export async function readState(
  trainerState: string,
  optimizer: ByteSource,
): Promise<TrainingState> {
  const { step, tokens, cursor, arrays: names } = JSON.parse(trainerState) as {
    step: number;
    tokens: number;
    cursor: unknown;
    arrays: string[];
  };
  const header = await readSafetensorsHeader(optimizer);
  const arrays: Float32Array[] = [];
  for (const name of names) {
    const entry = header.get(name);
    if (!entry) throw new SyntaxError(`Cannot read ${optimizer.name}: no tensor "${name}"`);
    arrays.push(new Float32Array((await optimizer.read(entry.offset, entry.bytes)).slice().buffer));
  }
  return { step, tokens, cursor, arrays };
}
