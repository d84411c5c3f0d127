// A run's device, opened once it is known that the run fits into it.

import type { Backend } from "../../compute/backend/backend.ts";
import { chooseBackend } from "../../compute/backend/choose.ts";
import type { ModelConfig } from "../../compute/models/config.ts";
import type { MemoryPlan } from "../../compute/train/plan_memory.ts";
import { type Configuration, homePaths } from "../configuration.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import { type DataSizes, deviceMemory, memoryProblem, planRun } from "./check_memory.ts";
import { VariantFiles } from "./variant_cache.ts";

/**
 * Opens the device of a run.
 *
 * @param sizes of its data, once it has been read.
 * @throws {RangeError} if there is none, or the run does not fit: with what takes how much, and what
 *   would make it fit.
 */
export async function openDevice(
  spec: RunSpec,
  config: ModelConfig,
  { threads, gpu, gpuMemory, home, autotune }: Pick<
    Configuration,
    "threads" | "gpu" | "gpuMemory" | "home" | "autotune"
  >,
  sizes?: DataSizes,
): Promise<{ backend: Backend; plan: MemoryPlan }> {
  const tuning = autotune ? { cache: new VariantFiles(homePaths(home).tuning) } : undefined;
  const backend = await chooseBackend({ backend: spec.backend, threads, gpu, tuning });
  const device = deviceMemory(backend.info, gpuMemory);
  const plan = await planRun(spec, config, device, sizes);
  const problem = await memoryProblem(spec, config, device, plan, sizes);
  if (problem === undefined) return { backend, plan };
  backend.close();
  throw new RangeError(`Cannot train on ${backend.info.device}: ${problem}`);
}
