// What a run does, by the kind of its task: its data are read, nothing is on a device yet.

import type { Model } from "../../compute/models/model.ts";
import type { MemoryPlan } from "../../compute/train/plan_memory.ts";
import type { TrainingState } from "../../compute/train/sft.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import type { DataSizes } from "./check_memory.ts";
import { grpoJob } from "./grpo_job.ts";
import type { JobEvent } from "./job_events.ts";
import { loadPolicyData } from "./policy_data.ts";
import { sftJob } from "./sft_job.ts";
import type { ModelFolder } from "./stored_models.ts";
import { loadTrainingData, sizesOf } from "./training_data.ts";

/** What is particular to a kind of task. */
export interface Job {
  /** Updates that the run will make. */
  readonly steps: number;
  readonly sizes: DataSizes;
  /** What its data are like, for the run's events. */
  readonly about: Readonly<Record<string, unknown>>;
  train(
    model: Model,
    plan: MemoryPlan,
    resume: TrainingState | undefined,
    signal: AbortSignal,
  ): AsyncIterable<JobEvent>;
}

/**
 * Reads what a run trains and is measured on, and what it needs of a device. `folder` holds the dataset files.
 *
 * @throws {RangeError} if the data do not fit the model, or there are too few of them.
 * @throws {SyntaxError} for a file that cannot be parsed.
 */
export async function openJob(spec: RunSpec, stored: ModelFolder, folder: string): Promise<Job> {
  const { task } = spec;
  if (task.kind === "sft") {
    const data = await loadTrainingData(spec, task, stored, folder);
    return {
      steps: data.steps,
      sizes: sizesOf(data),
      about: {},
      train: (model, _, resume, signal) => sftJob(spec, data, model, resume, signal),
    };
  }
  const data = await loadPolicyData(spec, task, stored, folder);
  return {
    steps: data.steps,
    sizes: { longestPrompt: data.longestPrompt },
    about: { problems: data.loader.problems.length, skipped: data.skipped },
    train: (model, { sampler }, resume, signal) =>
      grpoJob(spec, task, data, model, sampler!, resume, signal),
  };
}
