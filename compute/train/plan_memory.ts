// The memory of a run before there is a run: the model and its steps are laid out against a backend that
// counts. What is planned is what will be allocated.

import { type CountedDevice, createCountingBackend } from "../backend/counting_backend.ts";
import type { LargestTensor } from "../backend/counting_backend.ts";
import type { ShapedCall } from "../backend/backend.ts";
import { type ModelConfig, weightShapes } from "../models/config.ts";
import { type Method, trainableShapes } from "../models/method.ts";
import { createModel, type ModelOptions } from "../models/model.ts";
import { referenceModel } from "../models/reference.ts";
import type { WeightSource } from "../models/weights.ts";
import type { PolicyOptions } from "../ops/grpo_loss.ts";
import { BatchGenerator } from "./generate.ts";
import type { GeneratorOptions } from "./generation.ts";
import { GrpoStep } from "./grpo_step.ts";
import { EvalStep, TrainStep } from "./step.ts";

/** What is planned. */
export interface MemoryPlanOptions {
  readonly config: ModelConfig;
  readonly method: Method;
  readonly dtype: ModelOptions["dtype"];
  /** Tokens of one forward and backward pass. */
  readonly tokens: number;
  /** Such passes of an optimiser step. @default {1} */
  readonly accumulation?: number;
  readonly checkpointing: boolean;
  /** Tokens of a forward pass that measures the held-out loss; 0 where none is measured. */
  readonly evalTokens: number;
  /** Of a run that learns from what it samples. */
  readonly policy?: {
    readonly sampler: GeneratorOptions;
    readonly loss: PolicyOptions & { readonly temperature: number };
    /** Whether a copy of what is trained is kept, to measure the distance to it. */
    readonly reference: boolean;
  } | undefined;
  readonly device: CountedDevice;
}

/** Device bytes by use. */
export interface MemoryPlan {
  /** The base model's. */
  readonly weights: number;
  /** What is trained beside the base model: adapters, and modules that are saved with them. */
  readonly adapter: number;
  readonly gradients: number;
  /** AdamW's two moments. */
  readonly optimizer: number;
  /** What the backward pass reads, gradients of activations, logits, scratch. */
  readonly activations: number;
  /** The same of the evaluation, which stays allocated beside training. */
  readonly evaluation: number;
  /** The sampler's keys and values and its passes, and a copy of what is trained where there is one. */
  readonly sampling: number;
  /** Batches, tables, recorded calls, and what a checkpoint is read back through. */
  readonly workspace: number;
  /** The most at any time. */
  readonly total: number;
  /** The largest tensor: a device has a limit for one. */
  readonly largest: LargestTensor;
  /** Of a run that samples: what it samples with. */
  readonly sampler?: GeneratorOptions | undefined;
  /** What {@linkcode Backend.prepare} takes: the kernel calls of the run, each shape once. */
  readonly calls: readonly ShapedCall[];
}

/** Plans the memory of a run. */
export async function planMemory(options: MemoryPlanOptions): Promise<MemoryPlan> {
  const { config, method, dtype, tokens, accumulation = 1, checkpointing, evalTokens, policy } =
    options;
  const backend = createCountingBackend(options.device);
  const adapter = method.kind === "lora"
    ? emptyWeights(new Map(trainableShapes(config, method).map(({ name, shape }) => [name, shape])))
    : undefined;
  const weights = emptyWeights(weightShapes(config));
  const model = await createModel({ backend, config, weights, adapter, method, dtype, seed: 0 });
  const before = backend.memory().bytes;
  if (policy) new BatchGenerator(model, policy.sampler).recordAll();
  const reference = policy?.reference ? await referenceModel(model) : undefined;
  const sampling = backend.memory().bytes - before;
  const forward = { gradientCheckpointing: checkpointing, accumulation };
  const train = policy
    ? new GrpoStep(model, tokens, { ...policy.loss, ...forward, reference })
    : new TrainStep(model, tokens, forward);
  const evaluation = evalTokens > 0 ? new EvalStep(model, evalTokens) : undefined;
  // A checkpoint reads what is trained, one buffer at a time.
  await model.trainable.state();
  const values = model.trainable.bytes / 4;
  const parts = {
    weights: model.frozenBytes + (method.kind === "full" ? values : 0),
    adapter: method.kind === "full" ? 0 : values,
    gradients: values,
    optimizer: 2 * values,
    activations: train.workspaceBytes,
    evaluation: evaluation?.workspaceBytes ?? 0,
    sampling,
  };
  const total = backend.memory().peakBytes;
  const known = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
  return {
    ...parts,
    workspace: total - known,
    total,
    largest: backend.largest,
    sampler: policy?.sampler,
    calls: backend.calls,
  };
}

/** Weights of these shapes that nobody has to read. */
function emptyWeights(shapes: ReadonlyMap<string, readonly number[]>): WeightSource {
  return {
    names: new Set(shapes.keys()),
    shape: (name) => shapes.get(name)!,
    read: () => Promise.resolve(new Float32Array(0)),
  };
}
