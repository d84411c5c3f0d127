// The model, batch and training step that measurements are made on: random weights, tied embeddings,
// every token counted.

import type { Backend } from "../compute/backend/backend.ts";
import { chooseBackend } from "../compute/backend/choose.ts";
import { type ModelConfig, parseModelConfig } from "../compute/models/config.ts";
import type { Method } from "../compute/models/method.ts";
import { createModel, type Model, randomWeights } from "../compute/models/model.ts";
import type { AdamWOptions } from "../compute/ops/optimizer.ts";
import { philox } from "../compute/rng.ts";
import type { Batch } from "../compute/train/batch.ts";
import { planMemory } from "../compute/train/plan_memory.ts";
import { TrainStep } from "../compute/train/step.ts";
import type { StepOptions } from "./step_options.ts";

/** A step ready to run. */
export interface OpenStep {
  readonly backend: Backend;
  readonly model: Model;
  readonly step: TrainStep;
  readonly batch: Batch;
  readonly optimizer: AdamWOptions;
  /** Of the whole model. */
  readonly parameters: number;
  /** Most device bytes, as planned before anything is allocated. */
  readonly plannedBytes: number;
}

function randomBatch({ batch, seq, vocab }: StepOptions): Batch {
  const tokens = batch * seq;
  const ids = Uint32Array.from(
    { length: tokens },
    (_, n) => philox([n, 0, 0, 0], [1, 2])[0] % vocab,
  );
  const row = (n: number) => Math.floor(n / seq);
  return {
    ids,
    targets: Uint32Array.from(ids, (_, n) => ids[(n + 1) % tokens]!),
    weight: new Float32Array(tokens).fill(1 / tokens),
    start: Uint32Array.from(ids, (_, n) => row(n) * seq),
    end: Uint32Array.from(ids, (_, n) => (row(n) + 1) * seq),
    counted: tokens,
  };
}

/** The model that options describe. */
export function modelConfig(options: StepOptions): ModelConfig {
  return parseModelConfig({
    architectures: ["LlamaForCausalLM"],
    hidden_size: options.hidden,
    intermediate_size: options.intermediate,
    num_hidden_layers: options.layers,
    num_attention_heads: options.heads,
    num_key_value_heads: options.kvHeads,
    vocab_size: options.vocab,
    max_position_embeddings: options.seq,
    tie_word_embeddings: true,
  });
}

/** Opens the device and lays out the step. */
export async function openStep(options: StepOptions): Promise<OpenStep> {
  const backend = await chooseBackend({ backend: options.backend, threads: options.threads });
  // What the device keeps for itself: room for each thread.
  const own = backend.memory().bytes;
  const config = modelConfig(options);
  const method: Method = options.method === "full" ? { kind: "full" } : {
    kind: "lora",
    r: options.r,
    lora_alpha: 32,
    target_modules: "all",
    init: "peft",
  };
  const weights = randomWeights(config, 0);
  const { dtype } = options;
  const model = await createModel({ backend, config, weights, method, dtype, seed: 0 });
  const batch = randomBatch(options);
  const step = new TrainStep(model, batch.ids.length, {
    gradientCheckpointing: options.checkpointing ?? false,
  });
  const optimizer = {
    learning_rate: 1e-4,
    betas: [0.9, 0.999] as const,
    eps: 1e-8,
    weight_decay: 0,
    max_grad_norm: 1,
  };
  const parameters = [...weights.names].reduce(
    (sum, name) => sum + weights.shape(name).reduce((product, n) => product * n, 1),
    0,
  );
  const plan = await planMemory({
    config,
    method,
    dtype,
    tokens: batch.ids.length,
    checkpointing: options.checkpointing ?? false,
    evalTokens: 0,
    device: backend.info,
  });
  return { backend, model, step, batch, optimizer, parameters, plannedBytes: own + plan.total };
}
