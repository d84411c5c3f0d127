// The job process: trains one claimed run and writes what happens into its row, its events and its
// folders. Its exit code tells the supervisor what to do next.

import { join } from "@std/path";
import { createModel, type Model } from "../../compute/models/model.ts";
import { stateFiles, trainedFiles } from "../../compute/train/checkpoint.ts";
import { DivergedError, type EndReason, trainSft } from "../../compute/train/sft.ts";
import { listCheckpoints } from "../checkpoint_files.ts";
import { type Configuration, homePaths } from "../configuration.ts";
import type { Run, RunError, RunResult } from "../spec/run.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import { type Claim, ClaimLostError, type RunStore } from "../store/run_store.ts";
import { writeFolderAtomically } from "../write_file.ts";
import { readNewestCheckpoint, writeCheckpoint } from "./checkpoints.ts";
import { EXIT_CRASHED, EXIT_DONE, EXIT_STOPPED } from "./exit_code.ts";
import { fetchInputs } from "./fetch_inputs.ts";
import { openDevice } from "./open_device.ts";
import { Reporter } from "./reporter.ts";
import { openAdapter } from "./stored_adapters.ts";
import { EventFile } from "./tensorboard.ts";
import { listModels, type OpenModel, openModel } from "./stored_models.ts";
import { loadTrainingData } from "./training_data.ts";

/** What a job process is given. */
export interface TrainRunOptions {
  readonly claim: Claim;
  readonly store: RunStore;
  readonly configuration: Configuration;
  /** Aborted when the run should stop after its current step. */
  readonly signal: AbortSignal;
}

/** Trains a claimed run to its end and returns the process's exit code. */
export async function trainRun(options: TrainRunOptions): Promise<number> {
  const { claim, store, configuration, signal } = options;
  const run = await store.get(claim.id);
  if (run === undefined) throw new RangeError(`Cannot train run ${claim.id}: it is not stored`);
  const reporter = new Reporter(store, claim);
  try {
    return await train(run, reporter, options);
  } catch (error) {
    if (error instanceof ClaimLostError) return EXIT_STOPPED;
    if (signal.aborted && error === signal.reason) return EXIT_STOPPED;
    if (!isFinalError(error)) {
      console.error(error);
      return EXIT_CRASHED;
    }
    const folder = join(homePaths(configuration.home).checkpoints, run.id);
    // A loss that is no number says that the weights it was computed with are no good either.
    const spoilt = error instanceof DivergedError && !Number.isFinite(error.loss)
      ? error.step - 1
      : Infinity;
    await reporter.flush();
    const good = (await listCheckpoints(folder)).findLast(({ step }) => step < spoilt);
    await store.finish(claim, { status: "failed", error: describe(error, good?.step) });
    return EXIT_DONE;
  }
}

async function train(
  run: Run,
  reporter: Reporter,
  { claim, store, configuration, signal }: TrainRunOptions,
): Promise<number> {
  const { spec } = run;
  const paths = homePaths(configuration.home);
  const checkpoints = join(paths.checkpoints, run.id);

  await fetchInputs(spec, { paths, configuration, reporter, signal });
  using stored = await openNamedModel(spec.model, paths.models);
  const { backend, plan } = await openDevice(spec, stored.config, configuration);
  const data = await loadTrainingData(spec, stored, paths.datasets);
  const { kind, device } = backend.info;
  const model = await buildModel(spec, stored, backend, paths.adapters);
  const resume = await readNewestCheckpoint(checkpoints);
  reporter.add("device", {
    backend: kind,
    device,
    pid: Deno.pid,
    trainable_parameters: model.trainable.count,
    max_steps: data.steps,
    planned_memory_bytes: plan.total,
    ...(resume && { resumed_from_step: resume.step }),
  });
  await reporter.flush({ backend: kind, device, resumedFrom: resume?.step ?? -1 });
  using tensorboard = spec.report_to?.includes("tensorboard")
    ? await EventFile.create(join(paths.tensorboard, run.id), (resume?.step ?? -1) + 1)
    : undefined;
  reporter.tensorboard = tensorboard;

  const summary = new Summary(await store.points(run.id));
  const started = performance.now();
  const speed = { at: started, tokens: resume?.tokens ?? 0 };
  let reason: EndReason = "max_steps";
  for await (
    const event of trainSft({
      model,
      batches: data.loader,
      evalBatches: data.evalBatches,
      tokensPerBatch: data.loader.tokensPerBatch,
      optimizer: spec.optimizer,
      max_steps: data.steps,
      logging_steps: spec.logging_steps,
      eval_steps: spec.eval_steps,
      save_steps: spec.save_steps,
      gradient_checkpointing: spec.gradient_checkpointing,
      resume,
      signal,
    })
  ) {
    switch (event.type) {
      case "step": {
        const { type, ...point } = event;
        const now = performance.now();
        const tokens_per_s = Math.round((event.tokens - speed.tokens) / (now - speed.at) * 1000);
        Object.assign(speed, { at: now, tokens: event.tokens });
        const measured = { ...point, tokens_per_s };
        reporter.add(type, measured, measured, {
          step: event.step,
          max_steps: data.steps,
          tokens: event.tokens,
          tokens_per_s,
        });
        summary.add(point);
        break;
      }
      case "eval": {
        const { type, ...point } = event;
        if (!Number.isFinite(event.eval_nll)) {
          throw new DivergedError(event.step, event.eval_nll, summary.gradNorm);
        }
        reporter.add(type, { ...point, eval_bits: point.eval_nll / Math.LN2 }, point);
        summary.add(point);
        break;
      }
      case "checkpoint": {
        const { step } = event.state;
        const files = await trainedFiles(model, spec.model);
        for (const [name, bytes] of stateFiles(event.state)) files.set(name, bytes);
        // Points first: a resume starts behind the checkpoint and does not make them again.
        await reporter.flush();
        await writeCheckpoint(checkpoints, step, files);
        reporter.add("checkpoint", { step });
        await reporter.flush({ checkpointed: true });
        break;
      }
      case "end":
        reason = event.reason;
    }
    if (event.type !== "step") speed.at = performance.now();
    await reporter.flushIfDue();
    // Lets signals in: the loop above may never wait for anything.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await reporter.flush();
  if (reason === "aborted") return EXIT_STOPPED;

  const adapter = spec.method.kind === "lora" ? run.id : null;
  if (adapter) {
    const files = await trainedFiles(model, spec.model);
    await writeFolderAtomically(join(paths.adapters, adapter), files);
  }
  await store.finish(claim, {
    status: "succeeded",
    result: {
      ...summary.result(),
      trainable_parameters: model.trainable.count,
      peak_memory_bytes: backend.memory().peakBytes,
      seconds: (performance.now() - started) / 1000,
      adapter,
    },
  });
  backend.close();
  return EXIT_DONE;
}

async function openNamedModel(name: string, folder: string): Promise<OpenModel> {
  const found = (await listModels(folder)).find((model) => model.name === name);
  if (!found) throw new RangeError(`Cannot load model "${name}": it is no longer there`);
  return await openModel(found.folder);
}

async function buildModel(
  { method, dtype, seed }: RunSpec,
  { config, weights }: OpenModel,
  backend: Model["backend"],
  adapters: string,
): Promise<Model> {
  const base = { backend, config, weights, method, dtype, seed };
  if (method.kind !== "lora" || method.init_from === undefined) return await createModel(base);
  using adapter = await openAdapter(adapters, method.init_from);
  return await createModel({ ...base, adapter: adapter.weights });
}

/** Keeps what the result is made of. */
class Summary {
  #first: number | null = null;
  #last: number | null = null;
  #best: number | null = null;
  #evalTokens: number | null = null;
  #trainNll: number | null = null;
  #step = 0;
  #tokens = 0;
  /** Of the last logged step. */
  gradNorm = NaN;

  /** `earlier`: the points of attempts before this one, up to the checkpoint. */
  constructor(earlier: Parameters<Summary["add"]>[0][]) {
    earlier.forEach((point) => this.add(point));
  }

  add(
    point: {
      step: number;
      tokens?: number;
      train_nll?: number;
      grad_norm?: number;
      eval_nll?: number;
      eval_tokens?: number;
    },
  ): void {
    this.#step = point.step;
    this.#tokens = point.tokens ?? this.#tokens;
    this.#trainNll = point.train_nll ?? this.#trainNll;
    this.gradNorm = point.grad_norm ?? this.gradNorm;
    if (point.eval_nll === undefined) return;
    this.#first ??= point.eval_nll;
    this.#last = point.eval_nll;
    this.#best = Math.min(this.#best ?? Infinity, point.eval_nll);
    this.#evalTokens = point.eval_tokens ?? this.#evalTokens;
  }

  result(): Omit<RunResult, "trainable_parameters" | "peak_memory_bytes" | "seconds" | "adapter"> {
    return {
      steps: this.#step,
      tokens: this.#tokens,
      train_nll: this.#trainNll,
      initial_eval_nll: this.#first,
      eval_nll: this.#last,
      eval_bits: this.#last === null ? null : this.#last / Math.LN2,
      best_eval_nll: this.#best,
      eval_tokens: this.#evalTokens,
    };
  }
}

// These come back however often they are tried: the input or the numbers are at fault, not the machine.
function isFinalError(error: unknown): error is Error {
  return error instanceof DivergedError || error instanceof RangeError ||
    error instanceof SyntaxError || error instanceof TypeError;
}

function describe(error: Error, checkpointStep: number | undefined): RunError {
  return {
    type: error.name,
    message: error.message,
    ...(error instanceof DivergedError &&
      { step: error.step, grad_norm: String(error.gradNorm) }),
    ...(checkpointStep !== undefined && { last_checkpoint_step: checkpointStep }),
  };
}
