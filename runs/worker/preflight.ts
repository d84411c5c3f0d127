// Everything about a spec that can be found wrong before it is accepted: what it names must exist and
// fit together. A spec that passes can still fail (a full disk, a diverging run), not for its names.

import type { ModelConfig } from "../../compute/models/config.ts";
import { adapterSites, trainedWeights } from "../../compute/models/method.ts";
import { DATASETS } from "../../data/datasets.ts";
import { type HomePaths, readConfiguration } from "../configuration.ts";
import type { Places } from "../places.ts";
import type { ProblemDataset } from "../spec/grpo.ts";
import { targetModules } from "../../compute/models/target_modules.ts";
import { InvalidSpecError, type Problem, suggestion } from "../spec/problems.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import type { MemoryNeeds } from "../spec/worker.ts";
import { UNKNOWN_NEEDS } from "../workers/worker_store.ts";
import { availableBackend } from "./available_backend.ts";
import { checkDataset } from "./check_dataset.ts";
import { memoryNeeds, memoryProblem, misfit, planRun } from "./check_memory.ts";
import { cpuMemory } from "./device_memory.ts";
import { withoutRevision } from "../../data/hub/repository_id.ts";
import { mayBeOnHub } from "./fetch_inputs.ts";
import { publishedConfig } from "./plan_shape.ts";
import { checkAdapter } from "./stored_adapters.ts";
import { inputMessage, listModels, openModel } from "./stored_models.ts";

/**
 * Checks a parsed spec against the models, adapters and datasets at hand.
 *
 * @returns the memory that it takes on each kind of device, where the model's shapes are known here.
 * @throws {InvalidSpecError} naming each bad field and what is allowed.
 */
export async function preflight(
  spec: RunSpec,
  { paths, artifacts }: Places,
): Promise<MemoryNeeds> {
  const problems: Problem[] = [];
  const config = await checkModel(spec.model, paths, problems);
  if (config) {
    checkModules(spec, config, problems);
    checkLengths(spec, config, problems);
    const { method } = spec;
    if (problems.length === 0 && method.kind === "lora" && method.init_from !== undefined) {
      const { init_from } = method;
      await checkAdapter({ ...method, init_from }, config, { paths, artifacts }, problems);
    }
  }
  const { task } = spec;
  const maxLength = task.kind === "sft" ? task.max_length : undefined;
  const context = { config, maxLength, paths };
  await checkDataset(task.dataset, "/task/dataset", context, problems);
  if (task.eval_dataset !== undefined) {
    await checkDataset(task.eval_dataset, "/task/eval_dataset", context, problems);
  }
  if (task.kind === "grpo") {
    checkVerifiable(task.dataset, "/task/dataset", problems);
    if (task.eval_dataset) checkVerifiable(task.eval_dataset, "/task/eval_dataset", problems);
    if (task.warm_up) {
      await checkDataset(task.warm_up.dataset, "/task/warm_up/dataset", context, problems);
    }
  }
  // What is wrong otherwise has to be put right first.
  const needs = config && problems.length === 0
    ? await checkMemory(spec, config, problems)
    : UNKNOWN_NEEDS;
  if (problems.length > 0) throw new InvalidSpecError(problems);
  return needs;
}

// A GPU's limits are known where the run will be; the processor's are the same everywhere.
async function checkMemory(
  spec: RunSpec,
  config: ModelConfig,
  problems: Problem[],
): Promise<MemoryNeeds> {
  const needs = await memoryNeeds(spec, config);
  if (needs.cpu === null) return needs;
  const { databaseUrl } = readConfiguration();
  // Hosts that share a database may have more memory than this one.
  const device = cpuMemory(databaseUrl === undefined ? undefined : Infinity);
  const plan = await planRun(spec, config, device);
  if (misfit(plan, device, spec.model) === undefined) return needs;
  // Only now is a GPU looked for: most runs fit. Workers elsewhere may have one that is not here.
  if (spec.backend === "auto") {
    if (databaseUrl !== undefined || await availableBackend() === "webgpu") return needs;
  }
  const message = await memoryProblem(spec, config, device, plan);
  problems.push({ path: "/model", message: message! });
  return needs;
}

function checkLengths(
  { model, task }: RunSpec,
  { max_position_embeddings: context }: ModelConfig,
  problems: Problem[],
): void {
  const [path, length, most] = task.kind === "sft"
    ? ["/task/max_length", task.max_length ?? 0, context] as const
    // One token of a prompt at least has to fit beside it.
    : ["/task/max_completion_length", task.max_completion_length, context - 1] as const;
  if (length <= most) return;
  const what = task.kind === "sft" ? "the context" : "one less than the context";
  problems.push({
    path,
    message: `Expected at most ${most}, ${what} of "${model}", but found ${length}`,
  });
}

/** A dataset whose rows have no answer to hold a completion against. */
function checkVerifiable(dataset: ProblemDataset, path: string, problems: Problem[]): void {
  const name = typeof dataset === "string" ? dataset : "name" in dataset ? dataset.name : undefined;
  const info = name === undefined ? undefined : DATASETS.get(withoutRevision(name));
  if (info === undefined || info.schema === "problem") return;
  const allowed = [...DATASETS.values()].filter(({ schema }) => schema === "problem");
  problems.push({
    path: typeof dataset === "string" ? path : `${path}/name`,
    message: `Expected problems with answers that can be verified, but "${name}" is ${info.schema}`,
    allowed: allowed.map((each) => each.name),
  });
}

async function checkModel(
  name: string,
  paths: HomePaths,
  problems: Problem[],
): Promise<ModelConfig | undefined> {
  const models = await listModels(paths.models);
  const model = models.find((each) => each.name === name);
  if (model === undefined) {
    // The run's job downloads it; what is known of its shapes is checked now.
    if (mayBeOnHub(name, readConfiguration().hub)) return publishedConfig(withoutRevision(name));
    const allowed = models.map((each) => each.name);
    problems.push({
      path: "/model",
      message: `Unknown model "${name}"${suggestion(name, allowed)}`,
      allowed,
    });
    return;
  }
  try {
    using open = await openModel(model.folder);
    return open.config;
  } catch (error) {
    problems.push({ path: "/model", message: inputMessage(error) });
  }
}

function checkModules(spec: RunSpec, config: ModelConfig, problems: Problem[]): void {
  const { method } = spec;
  const { target_modules: targets } = method;
  const before = problems.length;
  if (targets !== undefined) {
    const each: [string, string | string[]][] = typeof targets === "string"
      ? [["/method/target_modules", targets]]
      : targets.map((target, index) => [`/method/target_modules/${index}`, [target]]);
    for (const [path, target_modules] of each) {
      collect(path, problems, () => targetModules(config, { target_modules }));
    }
  }
  if (method.kind !== "lora") return;
  method.modules_to_save?.forEach((module, index) =>
    collect(`/method/modules_to_save/${index}`, problems, () => {
      trainedWeights(config, { ...method, target_modules: "all", modules_to_save: [module] });
    })
  );
  // What no single name decides: experts' ranks, layers, patterns.
  if (problems.length === before) {
    collect("/method", problems, () => adapterSites(config, method));
  }
}

function collect(path: string, problems: Problem[], check: () => unknown): void {
  try {
    check();
  } catch (error) {
    const message = inputMessage(error);
    const expected = /expected (?:one|some) of (.*)$/.exec(message)?.[1];
    const allowed = expected && [...expected.matchAll(/"([^"]+)"/g)].map((match) => match[1]!);
    problems.push({ path, message, ...(allowed && { allowed }) });
  }
}
