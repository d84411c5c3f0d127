// `deno task pretrain`: makes noregret/tiny, the base model that ships, from random weights. The recipe
// is this file: the same code on the same backend gives the same bytes.
//
//   deno task pretrain [--out DIR] [--steps N] [--backend auto|cpu|webgpu]

import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chooseBackend } from "../../compute/backend/choose.ts";
import { parseModelConfig } from "../../compute/models/config.ts";
import { createModel, type Model, randomWeights } from "../../compute/models/model.ts";
import { encodeSafetensors } from "../../compute/models/safetensors.ts";
import { packBf16 } from "../../compute/models/weights.ts";
import { EvalStep, TrainStep } from "../../compute/train/step.ts";
import { loadExamples } from "../../data/load.ts";
import { evaluationBatches, Loader } from "../../data/loader.ts";
import { writeFileAtomically } from "../write_file.ts";

/** config.json of the model, in Hugging Face's layout. */
const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_size: 128,
  intermediate_size: 384,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 32,
  vocab_size: 256,
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  hidden_act: "silu",
  attention_bias: false,
  mlp_bias: false,
  tie_word_embeddings: true,
  bos_token_id: 0,
  eos_token_id: 0,
  torch_dtype: "bfloat16",
};

const DATASET = "stdlib/sotu";
const SEED = 0;
const BATCH_SIZE = 8;
const PEAK_RATE = 3e-3;
const WARMUP_STEPS = 30;
const LOG_STEPS = 25;
const EVAL_STEPS = 100;
/** Held-out windows that are measured. */
const EVAL_WINDOWS = 32;

/** Warm-up, plateau, then linear decay over the last two fifths to 2 % (Hu et al. 2024, "WSD"). */
function learningRate(step: number, steps: number): number {
  const warm = Math.min(1, step / WARMUP_STEPS);
  const left = (steps - step + 1) / (0.4 * steps);
  return PEAK_RATE * warm * Math.max(0.02, Math.min(1, left));
}

async function pretrain(
  { out, steps, backend: kind }: {
    out: string;
    steps: number;
    backend: "auto" | "cpu" | "webgpu";
  },
): Promise<void> {
  const config = parseModelConfig(CONFIG);
  const maxLength = config.max_position_embeddings;
  const load = async (purpose: "train" | "test", limit?: number) =>
    (await loadExamples({ name: DATASET, limit }, { purpose, maxLength, folder: "" }))!;
  const loader = new Loader({
    examples: await load("train"),
    maxLength,
    batchSize: BATCH_SIZE,
    accumulation: 1,
    packing: true,
    epochs: 100,
    seed: SEED,
  });
  const held = evaluationBatches(
    await load("test", EVAL_WINDOWS),
    maxLength,
    loader.tokensPerBatch,
  );

  const backend = await chooseBackend({ backend: kind });
  const model = await createModel({
    backend,
    config,
    weights: randomWeights(config, SEED),
    method: { kind: "full" },
    dtype: "f32",
    seed: SEED,
  });
  const trainStep = new TrainStep(model, loader.tokensPerBatch);
  const evalStep = new EvalStep(model, loader.tokensPerBatch);
  const optimizer = { betas: [0.9, 0.95] as const, eps: 1e-8, weight_decay: 0, max_grad_norm: 1 };
  const log: string[] = [];
  const started = performance.now();
  let tokens = 0;
  for (let step = 1; step <= steps; step++) {
    const batches = (await loader.next())!;
    tokens += batches[0]!.counted;
    const learning_rate = learningRate(step, steps);
    trainStep.run(batches, { ...optimizer, learning_rate }, step);
    if (step % LOG_STEPS !== 0 && step !== steps && !trainStep.full) continue;
    const last = (await trainStep.drain()).at(-1)!;
    if (!Number.isFinite(last.loss)) throw new Error(`Cannot go on: loss is ${last.loss}`);
    const due = step % EVAL_STEPS === 0 || step === steps;
    const point = {
      step,
      tokens,
      train_nll: last.loss,
      grad_norm: last.gradNorm,
      learning_rate,
      ...(due && { eval_nll: (await evalStep.run(held)).nll }),
    };
    log.push(JSON.stringify(point));
    const seconds = (performance.now() - started) / 1000;
    console.log(`${log.at(-1)} ${Math.round(tokens / seconds)} tokens/s`);
  }
  await writeModel(out, model, log);
  backend.close();
}

/** Writes config.json, model.safetensors in bf16 and training_log.jsonl. */
async function writeModel(out: string, model: Model, log: readonly string[]): Promise<void> {
  const tensors = new Map<
    string,
    { dtype: "BF16"; shape: readonly number[]; data: Uint32Array }
  >();
  for (const { name, value } of model.trainable.parameters) {
    const data = packBf16(await model.backend.read(value) as Float32Array);
    tensors.set(name, { dtype: "BF16", shape: value.shape, data });
  }
  const weights = encodeSafetensors(tensors, { format: "pt" });
  await writeFileAtomically(join(out, "config.json"), JSON.stringify(CONFIG, null, 2) + "\n");
  await writeFileAtomically(join(out, "training_log.jsonl"), log.join("\n") + "\n");
  await writeFileAtomically(join(out, "model.safetensors"), weights);
}

const BACKENDS = ["auto", "cpu", "webgpu"] as const;

function fail(message: string): never {
  console.error(`Cannot pretrain: ${message}`);
  Deno.exit(2);
}

function readOptions(args: string[]) {
  const options = {
    out: {
      type: "string",
      default: fileURLToPath(new URL("../../data/models/tiny", import.meta.url)),
    },
    steps: { type: "string", default: "1000" },
    backend: { type: "string", default: "auto" },
  } as const;
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    // node:util explains itself over several sentences; the first names the option.
    fail(`${(error as Error).message.split(/[.\n]/)[0]}, expected --out, --steps or --backend`);
  }
}

if (import.meta.main) {
  const values = readOptions(Deno.args);
  const steps = Number(values.steps);
  if (!Number.isInteger(steps) || steps < 1) {
    fail(`--steps is "${values.steps}", expected an integer ≥ 1`);
  }
  const backend = BACKENDS.find((name) => name === values.backend);
  if (!backend) {
    fail(`--backend is "${values.backend}", expected one of ${BACKENDS.join(", ")}`);
  }
  await pretrain({ out: values.out, steps, backend });
}
