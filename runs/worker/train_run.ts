// The job process: trains one claimed run and writes what happens into its row, its events and its
// folders. Its exit code tells the supervisor what to do next.

import { join } from "@std/path";
import { createModel, type Model } from "../../compute/models/model.ts";
import { stateFiles, trainedFiles } from "../../compute/train/checkpoint.ts";
import { NoRewardError } from "../../compute/train/grpo.ts";
import { DivergedError, type EndReason, type TrainingState } from "../../compute/train/sft.ts";
import { listCheckpoints } from "../checkpoint_files.ts";
import { type Configuration, type HomePaths, homePaths } from "../configuration.ts";
import type { Run, RunError } from "../spec/run.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import { type Claim, ClaimLostError, type RunStore } from "../store/run_store.ts";
import { writeFolderAtomically } from "../write_file.ts";
import { readNewestCheckpoint, writeCheckpoint } from "./checkpoints.ts";
import { EXIT_CRASHED, EXIT_DONE, EXIT_STOPPED } from "./exit_code.ts";
import { grpoJob } from "./grpo_job.ts";
import type { JobEvent } from "./job_events.ts";
import { fetchInputs } from "./fetch_inputs.ts";
import { openDevice } from "./open_device.ts";
import { loadPolicyData } from "./policy_data.ts";
import { Reporter } from "./reporter.ts";
import { sftJob } from "./sft_job.ts";
import { openAdapter } from "./stored_adapters.ts";
import { EventFile } from "./tensorboard.ts";
import { listModels, type OpenModel, openModel } from "./stored_models.ts";
import { Summary } from "./summary.ts";
import { loadTrainingData } from "./training_data.ts";
import { makeWarmUp, openWarmUp } from "./warm_up.ts";

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
  const job = await openJob(spec, stored, paths);
  const { kind, device } = backend.info;
  const resume = await readNewestCheckpoint(checkpoints);
  reporter.add("device", {
    backend: kind,
    device,
    pid: Deno.pid,
    max_steps: job.steps,
    planned_memory_bytes: plan.total,
    ...job.about,
    ...(resume && { resumed_from_step: resume.step }),
  });
  await reporter.flush({ backend: kind, device, resumedFrom: resume?.step ?? -1 });
  using tensorboard = spec.report_to?.includes("tensorboard")
    ? await EventFile.create(join(paths.tensorboard, run.id), (resume?.step ?? -1) + 1)
    : undefined;
  reporter.tensorboard = tensorboard;
  reporter.deviceBytes = () => backend.memory().bytes;

  const warmUp = spec.task.kind === "grpo" ? spec.task.warm_up : undefined;
  if (warmUp) {
    for await (const event of makeWarmUp(spec, warmUp, stored, backend, paths, signal)) {
      if ("data" in event) reporter.add(event.type, event.data);
      await letOthersIn(reporter);
    }
  }
  using warmed = warmUp && await openWarmUp(spec, warmUp, backend, paths);
  const model = await buildModel(spec, warmed ?? stored, backend, paths.adapters);
  reporter.add("model", { trainable_parameters: model.trainable.count });

  const summary = new Summary(await store.points(run.id));
  const started = performance.now();
  let reason: EndReason = "max_steps";
  for await (const event of job.train(model, resume, signal)) {
    switch (event.type) {
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
        break;
      default:
        reporter.add(event.type, event.data, event.point, event.progress);
        if (event.point) summary.add(event.point);
    }
    await letOthersIn(reporter);
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

/** Stores what waits for too long, and lets signals in: a training loop may never wait for anything. */
async function letOthersIn(reporter: Reporter): Promise<void> {
  await reporter.flushIfDue();
  await new Promise((resolve) => setTimeout(resolve, 0));
}

/** What is particular to a kind of task. */
interface Job {
  /** Updates that the run will make. */
  readonly steps: number;
  /** What its data are like, for the run's events. */
  readonly about: Readonly<Record<string, unknown>>;
  train(
    model: Model,
    resume: TrainingState | undefined,
    signal: AbortSignal,
  ): AsyncIterable<JobEvent>;
}

async function openJob(spec: RunSpec, stored: OpenModel, paths: HomePaths): Promise<Job> {
  const { task } = spec;
  if (task.kind === "sft") {
    const data = await loadTrainingData(spec, task, stored, paths.datasets);
    return {
      steps: data.steps,
      about: {},
      train: (model, resume, signal) => sftJob(spec, data, model, resume, signal),
    };
  }
  const data = await loadPolicyData(spec, task, stored, paths.datasets);
  return {
    steps: data.steps,
    about: { problems: data.loader.problems.length, skipped: data.skipped },
    train: (model, resume, signal) => grpoJob(spec, task, data, model, resume, signal),
  };
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

// These come back however often they are tried: the input or the numbers are at fault, not the machine.
function isFinalError(error: unknown): error is Error {
  return error instanceof DivergedError || error instanceof NoRewardError ||
    error instanceof RangeError ||
    error instanceof SyntaxError || error instanceof TypeError;
}

function describe(error: Error, checkpointStep: number | undefined): RunError {
  return {
    type: error.name,
    message: error.message,
    ...(error instanceof DivergedError &&
      { step: error.step, grad_norm: String(error.gradNorm) }),
    ...(error instanceof NoRewardError && { step: error.step }),
    ...(checkpointStep !== undefined && { last_checkpoint_step: checkpointStep }),
  };
}
