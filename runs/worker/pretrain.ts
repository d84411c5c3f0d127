// `deno task pretrain`: makes noregret/tiny, the base model that ships, from random weights, and with
// --experts noregret/tiny-moe. The recipe is this file: the same code on the same backend gives the same
// bytes. With a vocabulary larger than 256 it first learns a byte-level BPE from the same texts;
// docs/base_model.md says what that gives.
//
//   deno task pretrain [--out DIR] [--steps N] [--backend auto|cpu|webgpu] [--vocab-size N] [--experts]

import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chooseBackend } from "../../compute/backend/choose.ts";
import { parseModelConfig } from "../../compute/models/config.ts";
import { createModel, type Model, randomWeights } from "../../compute/models/model.ts";
import { encodeSafetensors } from "../../compute/models/safetensors.ts";
import { packBf16 } from "../../compute/models/weights.ts";
import { EvalStep, TrainStep } from "../../compute/train/step.ts";
import { trainBpe } from "../../data/bpe_tokenizer.ts";
import { BYTE_TOKENIZER } from "../../data/byte_tokenizer.ts";
import { loadExamples } from "../../data/load.ts";
import { evaluationBatches, Loader } from "../../data/loader.ts";
import { writeFileAtomically } from "../write_file.ts";

/** config.json of the model over bytes, in Hugging Face's layout. */
const BYTE_CONFIG = {
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

/** Vocabularies beyond this leave too little of the model for its blocks. */
const LARGEST_VOCABULARY = 2048;

/** The same with a mixture of experts, two of four for each token: as wide as the dense MLP. */
function mixtureOf(config: typeof BYTE_CONFIG) {
  return {
    ...config,
    architectures: ["Qwen3MoeForCausalLM"],
    model_type: "qwen3_moe",
    num_experts: 4,
    num_experts_per_tok: 2,
    moe_intermediate_size: config.intermediate_size / 2,
    norm_topk_prob: true,
    decoder_sparse_step: 1,
    mlp_only_layers: [],
  };
}

/** The model with another vocabulary: what its embeddings take, the MLPs give, to eight columns. */
function configOf(vocabSize: number): typeof BYTE_CONFIG {
  const { hidden_size, intermediate_size, num_hidden_layers, vocab_size } = BYTE_CONFIG;
  const taken = (vocabSize - vocab_size) * hidden_size;
  const columns = intermediate_size - taken / (3 * hidden_size * num_hidden_layers);
  return {
    ...BYTE_CONFIG,
    vocab_size: vocabSize,
    intermediate_size: 8 * Math.round(columns / 8),
  };
}

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
  { out, steps, backend: kind, vocabSize, experts }: {
    out: string;
    steps: number;
    backend: "auto" | "cpu" | "webgpu";
    vocabSize: number;
    experts: boolean;
  },
): Promise<void> {
  const configFile = experts ? mixtureOf(configOf(vocabSize)) : configOf(vocabSize);
  const config = parseModelConfig(configFile);
  const { tokenizer, files } = vocabSize === BYTE_CONFIG.vocab_size
    ? { tokenizer: BYTE_TOKENIZER, files: new Map<string, string>() }
    : await trainBpe(DATASET, vocabSize);
  const maxLength = config.max_position_embeddings;
  const load = async (purpose: "train" | "test", limit?: number) =>
    (await loadExamples({ name: DATASET, limit }, { purpose, maxLength, folder: "", tokenizer }))!;
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
  const evalStep = new EvalStep(model, held[0]!.ids.length);
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
  await writeModel(
    out,
    model,
    new Map([
      ["config.json", JSON.stringify(configFile, null, 2) + "\n"],
      ["training_log.jsonl", log.join("\n") + "\n"],
      ...files,
    ]),
  );
  backend.close();
}

/** Writes the files of text, and after them model.safetensors in bf16. */
async function writeModel(
  out: string,
  model: Model,
  files: ReadonlyMap<string, string>,
): Promise<void> {
  const tensors = new Map<
    string,
    { dtype: "BF16"; shape: readonly number[]; data: Uint32Array }
  >();
  for (const { name, value } of model.trainable.parameters) {
    const data = packBf16(await model.backend.read(value) as Float32Array);
    tensors.set(name, { dtype: "BF16", shape: value.shape, data });
  }
  const weights = encodeSafetensors(tensors, { format: "pt" });
  for (const [name, text] of files) await writeFileAtomically(join(out, name), text);
  await writeFileAtomically(join(out, "model.safetensors"), weights);
}

const BACKENDS = ["auto", "cpu", "webgpu"] as const;

function fail(message: string): never {
  console.error(`Cannot pretrain: ${message}`);
  Deno.exit(2);
}

function readOptions(args: string[]) {
  const options = {
    out: { type: "string" },
    experts: { type: "boolean", default: false },
    steps: { type: "string", default: "1000" },
    backend: { type: "string", default: "auto" },
    "vocab-size": { type: "string", default: String(BYTE_CONFIG.vocab_size) },
  } as const;
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    // node:util explains itself over several sentences; the first names the option.
    fail(
      `${
        (error as Error).message.split(/[.\n]/)[0]
      }, expected --out, --steps, --backend, --vocab-size or --experts`,
    );
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
  const vocabSize = Number(values["vocab-size"]);
  const smallest = BYTE_CONFIG.vocab_size;
  if (!(Number.isInteger(vocabSize) && vocabSize >= smallest && vocabSize <= LARGEST_VOCABULARY)) {
    fail(
      `--vocab-size is "${values["vocab-size"]}", expected ${smallest} (bytes) to ` +
        LARGEST_VOCABULARY,
    );
  }
  const { experts } = values;
  const out = values.out ??
    fileURLToPath(new URL(`../../data/models/tiny${experts ? "-moe" : ""}`, import.meta.url));
  await pretrain({ out, steps, backend, vocabSize, experts });
}
