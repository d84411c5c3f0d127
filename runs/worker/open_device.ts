// A run's device, opened once it is known that the run fits into it.

import type { Backend } from "../../compute/backend/backend.ts";
import { chooseBackend } from "../../compute/backend/choose.ts";
import type { ModelConfig } from "../../compute/models/config.ts";
import type { MemoryPlan } from "../../compute/train/plan_memory.ts";
import { type Configuration, homePaths } from "../configuration.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import { type DataSizes, memoryProblem, planRun } from "./check_memory.ts";
import { deviceMemory } from "./device_memory.ts";
import { VariantFiles } from "./variant_cache.ts";

/** A run does not fit into its device: with what takes how much, and what would make it fit. */
export class DoesNotFitError extends RangeError {
  // As a run's error it is one of its spec.
  override readonly name = "RangeError";

  constructor(message: string, readonly kind: "cpu" | "webgpu", readonly bytes: number) {
    super(message);
  }
}

/**
 * Opens the device of a run.
 *
 * @param sizes of its data, once it has been read.
 * @returns also what it would need of such a device at the least, in bytes.
 * @throws {RangeError} if there is none, or a tensor is larger than its largest.
 * @throws {DoesNotFitError} if its memory is too small.
 */
export async function openDevice(
  spec: RunSpec,
  config: ModelConfig,
  { threads, gpu, gpuMemory, jobs, home, autotune }: Pick<
    Configuration,
    "threads" | "gpu" | "gpuMemory" | "jobs" | "home" | "autotune"
  >,
  sizes?: DataSizes,
): Promise<{ backend: Backend; plan: MemoryPlan; least: number }> {
  const tuning = autotune ? { cache: new VariantFiles(homePaths(home).tuning) } : undefined;
  const backend = await chooseBackend({ backend: spec.backend, threads, gpu, tuning });
  const device = deviceMemory(backend.info, gpuMemory, jobs);
  const plan = await planRun(spec, config, device, sizes);
  const problem = await memoryProblem(spec, config, device, plan, sizes);
  if (problem === undefined) {
    const { total: least } = await planRun(spec, config, { ...device, bytes: 0 }, sizes);
    return { backend, plan, least };
  }
  backend.close();
  const message = `Cannot train on ${backend.info.device}: ${problem}`;
  if (plan.total <= (device.bytes ?? Infinity)) throw new RangeError(message);
  throw new DoesNotFitError(message, backend.info.kind, plan.total);
}
