// The job process of a sweep whose runs share one base: trains the claimed run together with those runs of
// its sweep that differ in their adapter and optimizer alone, wait, and stand at the same step. Each keeps its
// own claim, row, events, points, checkpoints and adapter, as if it had been alone. The supervisor is told of
// each: it keeps their leases, and when this process dies it puts all of them back. One that has failed since
// its last checkpoint trains alone, so that a run which kills its process ends nobody else's.

import { join } from "@std/path";
import { createModels } from "../../compute/models/model.ts";
import { DivergedError, type TrainingState } from "../../compute/train/sft.ts";
import { trainTogether } from "../../compute/train/sft_together.ts";
import { type HomePaths, homePaths } from "../configuration.ts";
import { log } from "../log.ts";
import type { RunQueue } from "../queue/run_queue.ts";
import type { Run } from "../spec/run.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import { canonicalJson } from "../spec/spec_hash.ts";
import { type Claim, ClaimLostError, type RunStore } from "../store/run_store.ts";
import type { StoredSweep } from "../store/sweep_store.ts";
import { workerId } from "../workers/worker_store.ts";
import { deviceMemory } from "./device_memory.ts";
import { readNewestCheckpoint } from "./checkpoints.ts";
import { EXIT_DOES_NOT_FIT, EXIT_DONE, EXIT_STOPPED } from "./exit_code.ts";
import { exitCodeOf, fail, isFinalError, waitsForMemory } from "./failure.ts";
import { fetchInputs, hubCommits } from "./fetch_inputs.ts";
import { openDevice } from "./open_device.ts";
import { Recorder } from "./recorder.ts";
import { Reporter } from "./reporter.ts";
import { sftTeller, sharedOptions } from "./sft_job.ts";
import { EventFile } from "./tensorboard.ts";
import { letOthersIn, openNamedModel, type TrainRunOptions } from "./train_run.ts";
import { loadTrainingData, sizesOf } from "./training_data.ts";
import { tellClaim } from "./work.ts";

/** Heartbeats in the time of a lease. */
const BEATS = 5;

/** What such a job is given beside a claim. */
export interface TrainSharedOptions extends TrainRunOptions {
  readonly queue: RunQueue;
  /** The run's sweep. */
  readonly sweep: StoredSweep;
}

/** A run that this process has claimed. */
interface Held {
  readonly run: Run;
  readonly reporter: Reporter;
  readonly resume: TrainingState | undefined;
}

/** What runs that train together have in common; undefined for one that trains alone. */
export function sharedPart(spec: RunSpec): string | undefined {
  const { method, optimizer: _, ...rest } = spec;
  const { task } = spec;
  if (task.kind !== "sft" || method.kind !== "lora") return undefined;
  if (method.modules_to_save || method.init_from) return undefined;
  return canonicalJson(rest);
}

/** Trains a claimed run and its company to their ends and returns the process's exit code. */
export async function trainShared(options: TrainSharedOptions): Promise<number> {
  const { claim, store, queue, artifacts, configuration, signal, sweep } = options;
  const run = sweep.runs.find(({ run }) => run.id === claim.id)!.run;
  const paths = homePaths(configuration.home);
  const held: Held[] = [];
  const gone = new Set<number>();
  const asking = setInterval(() => void askForAll(held, gone, queue, store), queue.lease / BEATS);
  try {
    held.push(await hold(run, claim, options));
    await train(held, gone, options, paths);
    return signal.aborted ? EXIT_STOPPED : EXIT_DONE;
  } catch (error) {
    if (error instanceof ClaimLostError || (signal.aborted && error === signal.reason)) {
      return EXIT_STOPPED;
    }
    const [first, ...company] = held;
    // Of several it is not known whose fault it is: each is tried again alone.
    if (!isFinalError(error) || first === undefined || company.length > 0) {
      console.error(error);
      return exitCodeOf(error);
    }
    if (await waitsForMemory(error, run, first.reporter, configuration)) return EXIT_DOES_NOT_FIT;
    await fail(first.reporter, error, artifacts);
    return EXIT_DONE;
  } finally {
    clearInterval(asking);
  }
}

async function hold(
  run: Run,
  claim: Claim,
  { store, artifacts, signal }: TrainSharedOptions,
): Promise<Held> {
  const { state, warnings } = await readNewestCheckpoint(artifacts, store, run.id);
  const reporter = new Reporter(store, claim, signal);
  reporter.warn(warnings);
  return { run, reporter, resume: state };
}

async function train(
  held: Held[],
  gone: Set<number>,
  options: TrainSharedOptions,
  paths: HomePaths,
): Promise<void> {
  const { artifacts, configuration, signal } = options;
  const [{ run: { spec }, reporter }] = held as [Held];
  if (spec.task.kind !== "sft") throw new TypeError("Cannot share a base: the task is not sft");
  await fetchInputs(spec, { paths, configuration, reporter, signal });
  using stored = await openNamedModel(spec.model, paths.models);
  const { config, weights } = stored;
  const data = await loadTrainingData(spec, spec.task, stored, paths.datasets);
  const { backend, plan } = await openDevice(spec, config, configuration, sizesOf(data));
  await backend.prepare(plan.calls);
  const { bytes } = deviceMemory(backend.info, configuration.gpuMemory, configuration.jobs);
  // What is not weights is counted for each, though those of a thread share their workspace.
  const each = plan.total - plan.weights;
  const room = bytes === undefined ? Infinity : Math.floor((bytes - plan.weights) / each);
  await claimCompany(held, room, options);

  const { kind, device } = backend.info;
  const members = held.map(({ run: { spec: { method, seed } } }) => ({ method, seed }));
  const models = await createModels({ backend, config, weights, dtype: spec.dtype }, members);
  const commits = await hubCommits(spec, paths);
  using files = new DisposableStack();
  const recorders: Recorder[] = [];
  for (const [i, { run, reporter, resume }] of held.entries()) {
    reporter.add("device", {
      backend: kind,
      device,
      pid: Deno.pid,
      max_steps: data.steps,
      planned_memory_bytes: plan.total,
      trains_with: held.filter((other) => other.run !== run).map((other) => other.run.id),
      ...(resume && { resumed_from_step: resume.step }),
    });
    try {
      await reporter.flush({ backend: kind, device, resumedFrom: resume?.step ?? -1 });
    } catch (error) {
      if (!(error instanceof ClaimLostError)) throw error;
      gone.add(i);
    }
    if (run.spec.report_to?.includes("tensorboard")) {
      const folder = join(paths.tensorboard, run.id);
      reporter.tensorboard = files.use(await EventFile.create(folder, (resume?.step ?? -1) + 1));
    }
    reporter.deviceBytes = () => backend.memory().bytes;
    recorders.push(await Recorder.open(run, models[i]!, reporter, artifacts, commits));
  }

  const tellers = held.map(({ resume }) => sftTeller(data.steps, resume));
  // Their seeds are the same: they have in common what sharedPart() says.
  const methods = members.map(({ method }) => canonicalJson(method));
  const together = held.map(({ run, resume }, i) => ({
    model: models[i]!,
    optimizer: run.spec.optimizer,
    like: methods.indexOf(methods[i]!),
    resume,
  }));
  for await (
    const { member, event } of trainTogether({
      members: together as [typeof together[0]],
      ...sharedOptions(spec, data),
      gone,
      signal,
    })
  ) {
    if (event.type !== "diverged" && gone.has(member)) continue;
    const { reporter } = held[member]!;
    try {
      if (event.type === "diverged") throw event.error;
      await recorders[member]!.take(tellers[member]!.tell(event));
      if (event.type !== "step") tellers.forEach((teller) => teller.goOn());
      await letOthersIn(reporter);
      if (event.type !== "end") continue;
      if (event.reason === "aborted") await reporter.flush();
      else {
        await recorders[member]!.succeed();
        gone.add(member);
      }
    } catch (error) {
      // What concerns one run ends that run; the others go on.
      gone.add(member);
      if (error instanceof ClaimLostError) continue;
      if (!(error instanceof DivergedError)) throw error;
      await fail(reporter, error, artifacts);
    }
  }
  if (!signal.aborted) backend.close();
}

/** Claims what may train with the first run, at most so many with it. */
async function claimCompany(
  held: Held[],
  room: number,
  options: TrainSharedOptions,
): Promise<void> {
  const { sweep, queue } = options;
  const [first] = held as [Held];
  const part = sharedPart(first.run.spec);
  for (const { run } of sweep.runs) {
    if (held.length >= room) return;
    if (run.status !== "queued" || part === undefined || sharedPart(run.spec) !== part) continue;
    const owner = workerId(Deno.hostname(), Deno.ppid);
    const claim = await queue.claimRun(owner, run.id);
    if (claim === undefined) continue;
    tellClaim(claim);
    const other = await hold(run, claim, options);
    if (other.resume?.step === first.resume?.step) held.push(other);
    else await queue.release(claim);
  }
}

/** Learns which runs nobody wants here any more: the supervisor stops this process only when it is all of them. */
async function askForAll(
  held: readonly Held[],
  gone: Set<number>,
  queue: RunQueue,
  store: RunStore,
): Promise<void> {
  for (const [i, { run, reporter }] of held.entries()) {
    if (gone.has(i)) continue;
    try {
      const answer = await queue.heartbeat(reporter.claim);
      if (answer === "held") continue;
      gone.add(i);
      if (answer === "cancel") await store.finish(reporter.claim, { status: "cancelled" });
    } catch (error) {
      log("error", "Cannot learn whether a run is still wanted", { run: run.id }, error);
    }
  }
}
