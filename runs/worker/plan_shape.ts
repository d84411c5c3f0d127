// The memory of a run whose model is known by its shapes only.

import { type ModelConfig, parseModelConfig } from "../../compute/models/config.ts";
import type { Architecture } from "../../compute/theory/architecture.ts";
import { findArchitecture } from "../../compute/theory/architectures.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import { planRun } from "./check_memory.ts";
import { maxLengthOf } from "./training_data.ts";

/** Hugging Face's names of the architectures. */
const NAMES = {
  llama: "LlamaForCausalLM",
  qwen3: "Qwen3ForCausalLM",
  qwen3_moe: "Qwen3MoeForCausalLM",
} as const;

/** Longer than any published context: the shapes do not say. */
const MAX_CONTEXT = 1 << 17;

/** Bytes of a run's training, as it will be laid out on its backend; on a GPU where that is open. */
export async function plannedBytes(spec: RunSpec, architecture: Architecture): Promise<number> {
  const kind = spec.backend === "cpu" ? "cpu" : "webgpu";
  const device = { kind, software: false, maxTensorBytes: 2 ** 31 } as const;
  const context = maxLengthOf(spec, { max_position_embeddings: Infinity });
  return (await planRun(spec, configOf(architecture, context), device)).total;
}

/** The shapes of a model whose makers have published them; undefined where they are not known here. */
export function publishedConfig(name: string): ModelConfig | undefined {
  const architecture = findArchitecture(name);
  return architecture && configOf(architecture, MAX_CONTEXT);
}

function configOf(architecture: Architecture, context: number): ModelConfig {
  return parseModelConfig({
    ...architecture,
    architectures: [NAMES[architecture.model_type]],
    max_position_embeddings: context,
  });
}
