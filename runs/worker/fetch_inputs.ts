// What a spec names and this machine lacks comes from the hub, before anything else of a run is done.

import { join } from "@std/path";
import { parseModelConfig } from "../../compute/models/config.ts";
import { DATASETS, findSplit, heldOutShare } from "../../data/datasets.ts";
import type { HubOptions } from "../../data/hub/client.ts";
import {
  commitOf,
  fetchDataset,
  fetchModel,
  type FetchOptions,
  isHalfDownloaded,
} from "../../data/hub/fetch.ts";
import { isRepositoryId, withoutRevision } from "../../data/hub/repository_id.ts";
import { datasetFiles } from "../../data/hub/split_files.ts";
import type { Configuration, HomePaths } from "../configuration.ts";
import type { Dataset } from "../spec/dataset.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import { openDevice } from "./open_device.ts";
import type { Reporter } from "./reporter.ts";
import { listModels, SHIPPED_PREFIX } from "./stored_models.ts";

/** Owners whose repositories ship, or would, and are not looked for on the hub. */
const OWN = [SHIPPED_PREFIX, "stdlib/"];

/** Bytes between two events of a download, at least: a run's events stay few. */
const REPORT_BYTES = 64 * 1024 * 1024;

/** Whether a model or dataset of this name may be on the hub. */
export function mayBeOnHub(name: string, hub: HubOptions): boolean {
  return !hub.offline && isRepositoryId(name) && !OWN.some((owner) => name.startsWith(owner));
}

/** What fetching needs to know besides the spec. */
export interface FetchContext {
  readonly paths: HomePaths;
  readonly configuration: Configuration;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/**
 * Downloads a spec's model and datasets where they are not here yet.
 *
 * @throws {RangeError} if the hub has no such repository for us, the model cannot be built, or the run
 *   would not fit: before the weights are downloaded.
 */
export async function fetchInputs(
  spec: RunSpec,
  { paths, configuration, reporter, signal }: FetchContext,
): Promise<void> {
  const { hub } = configuration;
  const lost = new AbortController();
  let told = Promise.resolve();
  // One after the other, so that events keep their order; who lost the run stops downloading for it.
  const tell = (data: Record<string, unknown>) => {
    reporter.add("download", data);
    told = told.then(() => reporter.flush()).catch((error) => lost.abort(error));
  };
  const options = (kind: string): FetchOptions => ({
    session: { ...hub, signal: AbortSignal.any([signal, lost.signal]) },
    onProgress: sparsely((progress) => tell({ kind, ...progress })),
  });
  const here = (await listModels(paths.models)).some(({ name }) => name === spec.model);
  if (!here && mayBeOnHub(spec.model, hub)) {
    await fetchModel(spec.model, paths.models, async (json) => {
      const config = parseModelConfig(json);
      (await openDevice(spec, config, configuration)).backend.close();
    }, options("model"));
  }
  const { dataset, eval_dataset } = spec.task;
  const wanted = [...hubSplits(dataset, "train")];
  if (eval_dataset === undefined) wanted.push(...hubSplits(withoutSplit(dataset), "test"));
  else wanted.push(...hubSplits(eval_dataset, "test"));
  const warmUp = spec.task.kind === "grpo" ? spec.task.warm_up : undefined;
  if (warmUp) wanted.push(...hubSplits(warmUp.dataset, "train"));
  for (const { name, split, optional } of wanted) {
    const found = (await datasetFiles(paths.datasets, name, split)).length > 0;
    if (found && !(await isHalfDownloaded(name, split, paths.datasets))) continue;
    if (!mayBeOnHub(name, hub) || optional) continue;
    await fetchDataset(name, split, paths.datasets, options("dataset"));
  }
  await told;
  lost.signal.throwIfAborted();
}

/** The commits of what a spec names and came from the hub, by name. */
export async function hubCommits(
  { model, task }: RunSpec,
  { models, datasets }: HomePaths,
): Promise<Record<string, string>> {
  const warmUp = task.kind === "grpo" ? task.warm_up?.dataset : undefined;
  const folders = new Map([[model, join(models, model)]]);
  for (const dataset of [task.dataset, task.eval_dataset, warmUp]) {
    const named = typeof dataset === "string" ? { name: dataset } : dataset;
    if (named && "name" in named && isRepositoryId(named.name)) {
      folders.set(named.name, join(datasets, named.name));
    }
  }
  const commits: Record<string, string> = {};
  for (const [name, folder] of folders) {
    const commit = await commitOf(folder);
    if (commit !== undefined) commits[name] = commit;
  }
  return commits;
}

/** A split on the hub. */
interface HubSplit {
  readonly name: string;
  readonly split: string;
  /** Not asked for by name, of a dataset that nothing is known of: it may have none. */
  readonly optional: boolean;
}

function hubSplits(dataset: Dataset, purpose: "train" | "test"): HubSplit[] {
  const named = typeof dataset === "string" ? { name: dataset } : dataset;
  if (!("name" in named)) return [];
  const info = DATASETS.get(withoutRevision(named.name));
  if (info?.sample !== undefined) return [];
  if (info === undefined) {
    const optional = purpose === "test" && named.split === undefined;
    return [{ name: named.name, split: named.split ?? purpose, optional }];
  }
  const split = findSplit(info, named.split, purpose);
  if (split === undefined) return [];
  // A share of the training rows is held out where the makers publish no test split.
  const published = heldOutShare(info) > 0 && split === "test" ? "train" : split;
  return [{ name: named.name, split: published, optional: false }];
}

function withoutSplit(dataset: Dataset): Dataset {
  return typeof dataset === "object" && "name" in dataset ? { name: dataset.name } : dataset;
}

/** Passes on the first and the last progress, and what is far enough from the one before. */
function sparsely(tell: FetchOptions["onProgress"]): FetchOptions["onProgress"] {
  let told = -Infinity;
  return (progress) => {
    const { bytes, total_bytes } = progress;
    const far = bytes - told >= REPORT_BYTES || bytes < told || bytes === total_bytes;
    if (!far || bytes === told) return;
    told = bytes;
    tell(progress);
  };
}
