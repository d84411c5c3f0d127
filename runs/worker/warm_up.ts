// The supervised start of a grpo run: full fine-tuning on solved problems, so that the policy answers in
// the data's format and is right some of the time. Its result depends on the spec alone, so it is kept
// under its hash, and runs that share it make it once.

import { createHash } from "node:crypto";
import type { Backend } from "../../compute/backend/backend.ts";
import { createModel } from "../../compute/models/model.ts";
import { type Files, trainedFiles } from "../../compute/train/checkpoint.ts";
import { trainSft } from "../../compute/train/sft.ts";
import { loadExamples } from "../../data/load.ts";
import { Loader } from "../../data/loader.ts";
import { modelTokenizer } from "../../data/model_tokenizer.ts";
import type { ArtifactStore } from "../artifacts/artifact_store.ts";
import type { WarmUp } from "../spec/grpo.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import { canonicalJson } from "../spec/spec_hash.ts";
import { CODE_VERSION } from "../submit_run.ts";
import type { JobEvent } from "./job_events.ts";
import type { Places } from "../places.ts";
import { fileIn, type OpenModel, openModel } from "./stored_models.ts";

/** As many passes over the data as its steps need. */
const EPOCHS = 1_000_000;
/** Steps between reports. */
const LOGGING_STEPS = 20;

/** The artifact that is the result of a warm-up. */
function warmUpName(
  { model }: Pick<RunSpec, "model">,
  warmUp: WarmUp,
  { info: { kind } }: Backend,
): string {
  const identity = canonicalJson({ model, warmUp, backend: kind, code: CODE_VERSION });
  return `warm_ups/${createHash("sha256").update(identity).digest("hex").slice(0, 32)}`;
}

/**
 * Makes a warm-up's result, unless it is there already.
 *
 * @throws the signal's reason if it is aborted.
 */
export async function* makeWarmUp(
  spec: RunSpec,
  warmUp: WarmUp,
  stored: OpenModel,
  backend: Backend,
  { paths, artifacts }: Places,
  signal: AbortSignal,
): AsyncGenerator<JobEvent> {
  const name = warmUpName(spec, warmUp, backend);
  if (await artifacts.files(name)) return;
  const { config } = stored;
  const maxLength = Math.min(warmUp.max_length, config.max_position_embeddings);
  const examples = await loadExamples(warmUp.dataset, {
    purpose: "train",
    maxLength,
    folder: paths.datasets,
    tokenizer: await modelTokenizer(stored.folder),
    vocabSize: config.vocab_size,
  });
  const loader = new Loader({
    examples: examples ?? [],
    maxLength,
    batchSize: warmUp.batch_size,
    accumulation: 1,
    packing: true,
    epochs: EPOCHS,
    seed: warmUp.seed,
  });
  const model = await createModel({
    backend,
    config,
    weights: stored.weights,
    method: { kind: "full" },
    dtype: "f32",
    seed: warmUp.seed,
  });
  try {
    for await (
      const event of trainSft({
        model,
        batches: loader,
        tokensPerBatch: loader.tokensPerBatch,
        optimizer: {
          learning_rate: warmUp.learning_rate,
          betas: [0.9, 0.999],
          eps: 1e-8,
          weight_decay: 0,
          max_grad_norm: 1,
        },
        max_steps: warmUp.max_steps,
        logging_steps: LOGGING_STEPS,
        eval_steps: [],
        save_steps: Infinity,
        signal,
      })
    ) {
      signal.throwIfAborted();
      if (event.type !== "step") continue;
      const { step, train_nll, grad_norm } = event;
      yield { type: "warm_up", data: { step, max_steps: warmUp.max_steps, train_nll, grad_norm } };
    }
    const files: Files = await trainedFiles(model, spec.model);
    files.set("config.json", await Deno.readFile(await fileIn(stored.folder, "config.json")));
    await artifacts.put(name, files);
  } finally {
    model.free();
  }
}

/** Opens what {@linkcode makeWarmUp} made. */
export async function openWarmUp(
  spec: RunSpec,
  warmUp: WarmUp,
  backend: Backend,
  artifacts: ArtifactStore,
): Promise<OpenModel> {
  const name = warmUpName(spec, warmUp, backend);
  const folder = await artifacts.open(name);
  if (folder === undefined) throw new RangeError(`Cannot load ${name}: it is no longer there`);
  return await openModel(folder.path);
}
