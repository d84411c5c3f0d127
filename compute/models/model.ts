// A model on a device: frozen weights, trained parameters, and the layers that point into both.

import type { Backend, Tensor } from "../backend/backend.ts";
import type { LoraWeights } from "../ops/linear.ts";
import type { Matrix } from "../ops/matrix.ts";
import { inverseFrequencies, ropeTable } from "../ops/rope.ts";
import { normal, uniform } from "../rng.ts";
import { expertStack, type ModelConfig, ROUTER_MODULE, weightShapes } from "./config.ts";
import { splitFusedAdapter } from "./fused_adapter.ts";
import { type FrozenType, FrozenWeights } from "./frozen_weights.ts";
import {
  adapterNames,
  adapterSites,
  initBound,
  type LoraMethod,
  type Method,
  PEFT_PREFIX,
  trainableShapes,
  trainedWeights,
} from "./method.ts";
import { type Parameter, TrainableSet } from "./trainable.ts";
import { Upload } from "./upload.ts";
import { packBf16, type WeightSource } from "./weights.ts";

/** A weight and, if it is trained, its gradient. */
export interface Weight {
  readonly weight: Tensor;
  readonly dW?: Tensor | undefined;
}

/** An adapter and, if it is trained, its gradients. */
export interface TrainedLora extends LoraWeights {
  readonly dA?: Tensor;
  readonly dB?: Tensor;
}

/** A matrix, perhaps with an adapter; for experts, of a stack: every tensor has one more dimension in front. */
export interface LinearLayer<W extends Matrix = Matrix> {
  readonly weight: W;
  readonly dW?: Tensor | undefined;
  readonly lora?: TrainedLora | undefined;
  /** In place of `lora`: the adapters of as many equal parts of the rows; see joined_models.ts. */
  readonly each?: readonly (TrainedLora | undefined)[] | undefined;
}

/** A feed-forward network. */
export interface FeedForward {
  readonly gate: LinearLayer;
  readonly up: LinearLayer;
  readonly down: LinearLayer;
}

/** A mixture of experts: a router, and a stack of feed-forward networks. */
export interface Experts extends FeedForward {
  readonly router: LinearLayer<Tensor>;
}

/** One decoder block. */
export interface BlockLayers {
  readonly inputNorm: Weight;
  readonly q: LinearLayer;
  readonly k: LinearLayer;
  readonly v: LinearLayer;
  readonly o: LinearLayer;
  readonly qNorm?: Weight | undefined;
  readonly kNorm?: Weight | undefined;
  readonly postNorm: Weight;
  readonly mlp: FeedForward | Experts;
}

/** What runs forward and backward. */
export interface Decoder {
  readonly backend: Backend;
  readonly config: ModelConfig;
  readonly embedding: Weight;
  readonly blocks: readonly BlockLayers[];
  readonly norm: Weight;
  readonly head: LinearLayer<Tensor>;
  readonly ropeTable: Tensor;
}

/** A decoder with what is trained of it. */
export interface Model extends Decoder {
  readonly method: Method;
  readonly trainable: TrainableSet;
  /** Bytes of the frozen weights on the device. */
  readonly frozenBytes: number;
  /** Frees what is trained, and with the last model on them the frozen weights. */
  free(): void;
}

/** A decoder's layers, each replaced by what `change` makes of it. */
export function mapLayers(
  { embedding, blocks, norm, head }: Decoder,
  change: <W extends Matrix>(layer: LinearLayer<W>) => LinearLayer<W>,
): Pick<Decoder, "embedding" | "blocks" | "norm" | "head"> {
  const optional = (layer: Weight | undefined) => layer && change(layer);
  return {
    embedding: change(embedding),
    blocks: blocks.map((block) => {
      const { gate, up, down } = block.mlp;
      const network = { gate: change(gate), up: change(up), down: change(down) };
      return {
        inputNorm: change(block.inputNorm),
        q: change(block.q),
        k: change(block.k),
        v: change(block.v),
        o: change(block.o),
        qNorm: optional(block.qNorm),
        kNorm: optional(block.kNorm),
        postNorm: change(block.postNorm),
        mlp: "router" in block.mlp ? { ...network, router: change(block.mlp.router) } : network,
      };
    }),
    norm: change(norm),
    head: change(head),
  };
}

/** The frozen part of a model. */
export interface BaseOptions {
  readonly backend: Backend;
  readonly config: ModelConfig;
  /** Weights by Hugging Face's names. */
  readonly weights: WeightSource;
  /** How frozen weights are stored. Trained parameters are always f32. */
  readonly dtype: FrozenType;
}

/** What is trained of a model, and how it starts. */
export interface TrainedOptions {
  readonly method: Method;
  /** Seed of the adapters' start. */
  readonly seed: number;
  /** A stored adapter to start from, by PEFT's names. */
  readonly adapter?: WeightSource | undefined;
  /** Factor on a parameter's learning rate (LoRA+, Hayou et al. 2024, gives B a larger one than A). */
  readonly lrScale?: ((name: string) => number) | undefined;
}

/** What a model is made from. */
export type ModelOptions = BaseOptions & TrainedOptions;

/** Builds a model and starts its adapters. */
export async function createModel(options: ModelOptions): Promise<Model> {
  return (await createModels(options, [options]))[0];
}

/**
 * Builds models on one copy of the frozen weights, in the order of `members`.
 *
 * @throws {RangeError} if there are several and one of them trains weights of the base.
 */
export async function createModels(
  base: BaseOptions,
  members: readonly TrainedOptions[],
): Promise<[Model, ...Model[]]> {
  const { backend, config, weights, dtype } = base;
  const upload = new Upload(backend);
  const frozen = new FrozenWeights(backend, config, dtype);
  const parts = members.map(({ method, lrScale }) => {
    const trained = trainedWeights(config, method);
    if (members.length > 1 && trained.size > 0) {
      throw new RangeError(
        `Cannot train ${members.length} models on one base: one of them changes ` +
          `"${[...trained.keys()][0]}", which the others read: expected adapters alone`,
      );
    }
    const shapes = trainableShapes(config, method);
    const trainable = new TrainableSet(
      backend,
      lrScale ? shapes.map((shape) => ({ ...shape, lrScale: lrScale(shape.name) })) : shapes,
    );
    return { trained, trainable };
  });
  for (const [name, shape] of weightShapes(config)) {
    const [{ trained, trainable }] = parts as [typeof parts[0]];
    const parameter = trainable.get(trained.get(name) ?? "");
    if (parameter) await upload.write(parameter.value, weights, name, "f32");
    else await frozen.load(name, shape, weights);
  }
  const rope = uploadRopeTable(backend, config);
  const shared = { frozen, rope, users: members.length };
  const models: Model[] = [];
  for (const [i, { method, seed, adapter }] of members.entries()) {
    const { trained, trainable } = parts[i]!;
    if (adapter) await loadParameters(trainable, adapter, config, method);
    else if (method.kind === "lora") startAdapters(trainable, config, method, seed);
    models.push(assemble(backend, config, method, trainable, trained, shared));
  }
  return models as [Model, ...Model[]];
}

/** What models on one base share; `users` of them are not freed yet. */
interface SharedBase {
  readonly frozen: FrozenWeights;
  readonly rope: Tensor;
  users: number;
}

function uploadRopeTable(backend: Backend, config: ModelConfig): Tensor {
  const table = ropeTable(
    config.max_position_embeddings,
    inverseFrequencies(config.head_dim, config.rope_theta, config.rope_scaling),
  );
  const rope = backend.empty([config.max_position_embeddings, config.head_dim], "f32", "rope");
  backend.write(rope, table);
  return rope;
}

function startAdapters(
  trainable: TrainableSet,
  config: ModelConfig,
  method: LoraMethod,
  seed: number,
): void {
  for (const { module, shape: [, inputs], r } of adapterSites(config, method)) {
    const { a } = adapterNames(module);
    const bound = initBound(method.init, r, inputs);
    trainable.backend.write(trainable.get(a)!.value, uniform(seed, a, r * inputs, bound));
  }
}

async function loadParameters(
  trainable: TrainableSet,
  stored: WeightSource,
  config: ModelConfig,
  method: Method,
): Promise<void> {
  const source = method.kind === "lora" ? splitFusedAdapter(stored, config, method) : stored;
  for (const { name, value } of trainable.parameters) {
    if (!source.names.has(name)) {
      throw new RangeError(`Cannot load the adapter: it has no "${name}" [${value.shape}]`);
    }
    const shape = source.shape(name);
    if (shape.join() !== value.shape.join()) {
      throw new RangeError(
        `Cannot load the adapter: "${name}" is [${shape}], this run asks for [${value.shape}]`,
      );
    }
    trainable.backend.write(value, await source.read(name, "f32"));
  }
  const extra = [...source.names].find((name) => !trainable.get(name) && !isCopy(name, config));
  if (extra) {
    throw new RangeError(`Cannot load the adapter: this run has no place for its "${extra}"`);
  }
}

/** Whether PEFT stores a weight that is there already: a tied output embedding, or the base's own below an adapter. */
export function isCopy(name: string, { tie_word_embeddings: tied }: ModelConfig): boolean {
  return (tied && name === `${PEFT_PREFIX}lm_head.weight`) ||
    name === `${PEFT_PREFIX}lm_head.base_layer.weight`;
}

function assemble(
  backend: Backend,
  config: ModelConfig,
  method: Method,
  trainable: TrainableSet,
  trained: ReadonlyMap<string, string>,
  shared: SharedBase,
): Model {
  const { frozen, rope } = shared;
  const weight = (name: string): Weight => {
    const parameter = trainable.get(trained.get(name) ?? "");
    return parameter
      ? { weight: parameter.value, dW: parameter.gradient }
      : { weight: frozen.tensor(name) };
  };
  const sites = method.kind === "lora" ? adapterSites(config, method) : [];
  const scales = new Map(sites.map(({ module, scaling }) => [module, scaling]));
  const adapter = (module: string, find: (name: string) => Parameter | undefined) => {
    const scaling = scales.get(module);
    if (scaling === undefined) return undefined;
    const names = adapterNames(module);
    const a = find(names.a)!, b = find(names.b)!;
    return { a: a.value, b: b.value, scaling, dA: a.gradient, dB: b.gradient };
  };
  const linear = (module: string, stored = `${module}.weight`): LinearLayer<Tensor> => ({
    ...weight(stored),
    lora: adapter(module, (name) => trainable.get(name)),
  });
  const projection = (module: string): LinearLayer => {
    const layer = linear(module);
    return layer.dW ? layer : { ...layer, weight: frozen.matrix(`${module}.weight`) };
  };
  const stack = (mlp: string, leaf: string): LinearLayer => {
    const first = `${mlp}.experts.0.${leaf}`;
    const place = expertStack(`${first}.weight`)!;
    const parameter = trainable.stack(expertStack(trained.get(`${first}.weight`) ?? "") ?? "");
    const lora = adapter(first, (name) => trainable.stack(expertStack(name)!));
    if (parameter) return { weight: parameter.value, dW: parameter.gradient, lora };
    return { weight: frozen.matrix(place), lora };
  };
  const feedForward = (mlp: string, layer: number): FeedForward | Experts => {
    const of = config.experts?.layers.includes(layer)
      ? (leaf: string) => stack(mlp, leaf)
      : (leaf: string) => projection(`${mlp}.${leaf}`);
    const network = { gate: of("gate_proj"), up: of("up_proj"), down: of("down_proj") };
    return config.experts?.layers.includes(layer)
      ? { ...network, router: linear(`${mlp}.${ROUTER_MODULE}`) }
      : network;
  };
  const blocks = Array.from({ length: config.num_hidden_layers }, (_, i): BlockLayers => {
    const layer = `model.layers.${i}`;
    const norm = (name: string) =>
      config.qk_norm ? weight(`${layer}.self_attn.${name}`) : undefined;
    return {
      inputNorm: weight(`${layer}.input_layernorm.weight`),
      q: projection(`${layer}.self_attn.q_proj`),
      k: projection(`${layer}.self_attn.k_proj`),
      v: projection(`${layer}.self_attn.v_proj`),
      o: projection(`${layer}.self_attn.o_proj`),
      qNorm: norm("q_norm.weight"),
      kNorm: norm("k_norm.weight"),
      postNorm: weight(`${layer}.post_attention_layernorm.weight`),
      mlp: feedForward(`${layer}.mlp`, i),
    };
  });
  const embedding = weight("model.embed_tokens.weight");
  return {
    backend,
    config,
    method,
    embedding,
    blocks,
    norm: weight("model.norm.weight"),
    head: linear(
      "lm_head",
      config.tie_word_embeddings ? "model.embed_tokens.weight" : "lm_head.weight",
    ),
    ropeTable: rope,
    trainable,
    frozenBytes: frozen.bytes,
    free() {
      trainable.free();
      if (--shared.users > 0) return;
      frozen.free();
      backend.free(rope);
    },
  };
}

/**
 * Weights of a fresh model: matrices from N(0, std²), output projections of a block smaller by
 * sqrt(2 · layers) (Radford et al. 2019, §2.3), norms 1.
 */
export function randomWeights(config: ModelConfig, seed: number, std = 0.02): WeightSource {
  const shapes = weightShapes(config);
  const residual = std / Math.sqrt(2 * config.num_hidden_layers);
  return {
    names: new Set(shapes.keys()),
    shape: (name) => shapes.get(name)!,
    read(name, dtype) {
      const shape = shapes.get(name)!;
      const count = shape.reduce((product, n) => product * n, 1);
      const spread = /(o_proj|down_proj)\.weight$/.test(name) ? residual : std;
      const values = shape.length === 1
        ? new Float32Array(count).fill(1)
        : normal(seed, name, count, spread);
      return Promise.resolve(dtype === "f32" ? values : packBf16(values));
    },
  };
}
