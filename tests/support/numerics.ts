// The reference cases that transformers + PEFT + PyTorch computed in float32; see
// tests/fixtures/numerics. Each is a small model with an adapter beside it.

import type { Backend } from "../../compute/backend/backend.ts";
import { IGNORED_TARGET } from "../../compute/backend/kernels.ts";
import { type ModelConfig, parseModelConfig } from "../../compute/models/config.ts";
import type { Method } from "../../compute/models/method.ts";
import { createModel, type Model } from "../../compute/models/model.ts";
import { bytesSource } from "../../compute/models/safetensors.ts";
import { openWeights, type WeightSource } from "../../compute/models/weights.ts";
import type { Batch } from "../../compute/train/batch.ts";

const ROOT = new URL("../fixtures/numerics/", import.meta.url);

/** Losses before each of five AdamW steps and after the last, and the norms before clipping. */
export interface ExpectedTraining {
  readonly lr: number;
  readonly losses: readonly number[];
  readonly grad_norms: readonly number[];
}

/** One case. */
export interface NumericsCase {
  readonly name: string;
  readonly config: ModelConfig;
  readonly weights: WeightSource;
  readonly adapter: WeightSource;
  readonly expected: WeightSource;
  readonly lora: Method;
  readonly trainable: number;
  readonly loss: number;
  /** Twelve tokens continued greedily from the first eight of the first row, adapter on. */
  readonly greedy: readonly number[];
  readonly training: { readonly lora: ExpectedTraining; readonly full: ExpectedTraining };
  readonly batch: Batch;
}

const json = async (path: string) => JSON.parse(await Deno.readTextFile(new URL(path, ROOT)));
const tensors = async (path: string) =>
  await openWeights([bytesSource(await Deno.readFile(new URL(path, ROOT)), path)]);

/** Names of the cases whose architecture can be built. */
export const NUMERICS_CASES = [
  "llama-untied-all",
  "llama-tied-attn",
  "llama31-rope-mlp",
  "qwen3-all",
  "qwen3-moe-attn",
  "qwen3-moe-experts",
] as const;

/** Reads a case. */
export async function numericsCase(name: string): Promise<NumericsCase> {
  const config = parseModelConfig(await json(`${name}/model/config.json`));
  const adapterConfig = await json(`${name}/adapter/adapter_config.json`);
  const expectedJson = await json(`${name}/expected.json`);
  const expected = await openExpected(name);
  return {
    name,
    config,
    weights: await tensors(`${name}/model/model.safetensors`),
    adapter: await tensors(`${name}/adapter/adapter_model.safetensors`),
    expected: expected.source,
    lora: {
      kind: "lora",
      r: adapterConfig.r,
      lora_alpha: adapterConfig.lora_alpha,
      target_modules: adapterConfig.target_modules,
      rank_pattern: adapterConfig.rank_pattern,
      init: "peft",
    },
    trainable: expectedJson.trainable,
    loss: expectedJson.loss,
    greedy: expectedJson.greedy,
    training: { lora: expectedJson.lora, full: expectedJson.full },
    batch: batchOf(expected.ids, expected.labels, expected.rows),
  };
}

async function openExpected(name: string) {
  const path = `${name}/expected.safetensors`;
  const bytes = await Deno.readFile(new URL(path, ROOT));
  const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)));
  const integers = (key: string) => {
    const [from, to] = header[key].data_offsets.map((n: number) => n + 8 + headerLength);
    return new Int32Array(bytes.slice(from, to).buffer);
  };
  return {
    source: await openWeights([bytesSource(bytes, path)]),
    ids: integers("input_ids"),
    labels: integers("labels"),
    rows: header.input_ids.shape[0] as number,
  };
}

/** Rows of ids and labels, laid end to end; a token's target is the label after it. */
export function batchOf(ids: Int32Array, labels: Int32Array, rows: number): Batch {
  const length = ids.length / rows;
  const row = (n: number) => Math.floor(n / length);
  const targets = Uint32Array.from(
    ids,
    (_, n) => (n + 1) % length === 0 || labels[n + 1]! < 0 ? IGNORED_TARGET : labels[n + 1]!,
  );
  const counted = targets.filter((t) => t !== IGNORED_TARGET).length;
  return {
    ids: Uint32Array.from(ids),
    targets,
    weight: Float32Array.from(targets, (t) => t === IGNORED_TARGET ? 0 : 1 / counted),
    start: Uint32Array.from(ids, (_, n) => row(n) * length),
    end: Uint32Array.from(ids, (_, n) => (row(n) + 1) * length),
    counted,
  };
}

/** The case's model with its adapter. */
export function adapted(backend: Backend, c: NumericsCase): Promise<Model> {
  const { config, weights, adapter, lora: method } = c;
  return createModel({ backend, config, weights, adapter, method, dtype: "f32", seed: 0 });
}

/** The case's model, every parameter trained. */
export function full(backend: Backend, c: NumericsCase): Promise<Model> {
  const { config, weights } = c;
  return createModel({
    backend,
    config,
    weights,
    method: { kind: "full" },
    dtype: "f32",
    seed: 0,
  });
}
