// The job process: trains one claimed run and writes what happens into its row, its events and its
// folders. Its exit code tells the supervisor what to do next.

import { join } from "@std/path";
import { createModel, type Model } from "../../compute/models/model.ts";
import type { ArtifactStore } from "../artifacts/artifact_store.ts";
import { adapterName } from "../checkpoint_files.ts";
import { type Configuration, homePaths } from "../configuration.ts";
import type { Run } from "../spec/run.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import { type Claim, ClaimLostError, type RunStore } from "../store/run_store.ts";
import { readNewestCheckpoint } from "./checkpoints.ts";
import { EXIT_DOES_NOT_FIT, EXIT_DONE, EXIT_STOPPED } from "./exit_code.ts";
import { exitCodeOf, fail, isFinalError, waitsForMemory, withNeed } from "./failure.ts";
import { fetchInputs, hubCommits } from "./fetch_inputs.ts";
import { openDevice } from "./open_device.ts";
import { openJob } from "./open_job.ts";
import { Recorder } from "./recorder.ts";
import { Reporter } from "./reporter.ts";
import { openAdapter } from "./stored_adapters.ts";
import { EventFile } from "./tensorboard.ts";
import { listModels, type OpenModel, openModel } from "./stored_models.ts";
import { makeWarmUp, openWarmUp } from "./warm_up.ts";

/** What a job process is given. */
export interface TrainRunOptions {
  readonly claim: Claim;
  readonly store: RunStore;
  readonly artifacts: ArtifactStore;
  readonly configuration: Configuration;
  /** Aborted when the run should stop after its current step. */
  readonly signal: AbortSignal;
}

/** Trains a claimed run to its end and returns the process's exit code. */
export async function trainRun(options: TrainRunOptions): Promise<number> {
  const { claim, store, artifacts, configuration, signal } = options;
  const run = await store.get(claim.id);
  if (run === undefined) throw new RangeError(`Cannot train run ${claim.id}: it is not stored`);
  const reporter = new Reporter(store, claim, signal);
  try {
    return await train(run, reporter, options);
  } catch (error) {
    if (error instanceof ClaimLostError) return EXIT_STOPPED;
    if (signal.aborted && error === signal.reason) return EXIT_STOPPED;
    if (!isFinalError(error)) {
      console.error(error);
      return exitCodeOf(error);
    }
    if (await waitsForMemory(error, run, reporter, configuration)) return EXIT_DOES_NOT_FIT;
    await fail(reporter, error, artifacts);
    return EXIT_DONE;
  }
}

async function train(
  run: Run,
  reporter: Reporter,
  { store, artifacts, configuration, signal }: TrainRunOptions,
): Promise<number> {
  const { spec } = run;
  const paths = homePaths(configuration.home);

  await fetchInputs(spec, { paths, configuration, reporter, signal });
  using stored = await openNamedModel(spec.model, paths.models);
  const job = await openJob(spec, stored, paths.datasets);
  const opened = await openDevice(spec, stored.config, configuration, job.sizes);
  const { backend, plan } = opened;
  await backend.prepare(plan.calls);
  const { kind, device } = backend.info;
  const { state: resume, warnings } = await readNewestCheckpoint(artifacts, store, run.id);
  reporter.warn(warnings);
  reporter.add("device", {
    backend: kind,
    device,
    pid: Deno.pid,
    max_steps: job.steps,
    planned_memory_bytes: plan.total,
    ...job.about,
    ...(resume && { resumed_from_step: resume.step }),
  });
  const needs = withNeed(run, kind, opened.least);
  await reporter.flush({ backend: kind, device, needs, resumedFrom: resume?.step ?? -1 });
  using tensorboard = spec.report_to?.includes("tensorboard")
    ? await EventFile.create(join(paths.tensorboard, run.id), (resume?.step ?? -1) + 1)
    : undefined;
  reporter.tensorboard = tensorboard;
  reporter.deviceBytes = () => backend.memory().bytes;

  const warmUp = spec.task.kind === "grpo" ? spec.task.warm_up : undefined;
  if (warmUp) {
    for await (
      const event of makeWarmUp(spec, warmUp, stored, backend, { paths, artifacts }, signal)
    ) {
      if ("data" in event) reporter.add(event.type, event.data);
      await letOthersIn(reporter);
    }
  }
  using warmed = warmUp && await openWarmUp(spec, warmUp, backend, artifacts);
  const model = await buildModel(spec, warmed ?? stored, backend, artifacts);

  const commits = await hubCommits(spec, paths);
  const recorder = await Recorder.open(run, model, reporter, artifacts, commits);
  for await (const event of job.train(model, plan, resume, signal)) {
    await recorder.take(event);
    await letOthersIn(reporter);
  }
  await reporter.flush();
  if (recorder.reason === "aborted") return EXIT_STOPPED;
  await recorder.succeed();
  backend.close();
  return EXIT_DONE;
}

/** Stores what waits for too long, and lets signals in: a training loop may never wait for anything. */
export async function letOthersIn(reporter: Reporter): Promise<void> {
  await reporter.flushIfDue();
  await new Promise((resolve) => setTimeout(resolve, 0));
}

/** Opens a model that is on disk by now. */
export async function openNamedModel(name: string, folder: string): Promise<OpenModel> {
  const found = (await listModels(folder)).find((model) => model.name === name);
  if (!found) throw new RangeError(`Cannot load model "${name}": it is no longer there`);
  return await openModel(found.folder);
}

async function buildModel(
  { method, dtype, seed }: RunSpec,
  { config, weights }: OpenModel,
  backend: Model["backend"],
  artifacts: ArtifactStore,
): Promise<Model> {
  const base = { backend, config, weights, method, dtype, seed };
  if (method.kind !== "lora" || method.init_from === undefined) return await createModel(base);
  const { init_from } = method;
  const folder = await artifacts.open(adapterName(init_from));
  if (!folder) throw new RangeError(`Cannot load adapter "${init_from}": it is no longer there`);
  using adapter = await openAdapter(folder.path);
  return await createModel({ ...base, adapter: adapter.weights });
}
