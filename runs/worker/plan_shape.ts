// The memory of a run whose model is known by its shapes only.

import { type ModelConfig, parseModelConfig } from "../../compute/models/config.ts";
import type { Architecture } from "../../compute/theory/architecture.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import { planRun } from "./check_memory.ts";
import { maxLengthOf } from "./training_data.ts";

/** Hugging Face's names of the dense architectures. */
const NAMES = { llama: "LlamaForCausalLM", qwen3: "Qwen3ForCausalLM" } as const;

/** Bytes of a run's training, as it will be laid out on its backend; on a GPU where that is open. */
export async function plannedBytes(spec: RunSpec, architecture: Architecture): Promise<number> {
  const kind = spec.backend === "cpu" ? "cpu" : "webgpu";
  const device = { kind, software: false, maxTensorBytes: 2 ** 31 } as const;
  return (await planRun(spec, configOf(spec, architecture), device)).total;
}

function configOf(spec: RunSpec, architecture: Architecture): ModelConfig {
  const { model_type } = architecture;
  if (model_type === "qwen3_moe") {
    throw new RangeError(`Cannot plan for "${spec.model}": expected a model without experts`);
  }
  return parseModelConfig({
    ...architecture,
    architectures: [NAMES[model_type]],
    max_position_embeddings: maxLengthOf(spec, { max_position_embeddings: Infinity }),
  });
}
