// Everything about a spec that can be found wrong before it is accepted: what it names must exist and
// fit together. A spec that passes can still fail (a full disk, a diverging run), not for its names.

import type { ModelConfig } from "../../compute/models/config.ts";
import { adapterSites, trainedWeights } from "../../compute/models/method.ts";
import type { Tokenizer } from "../../data/byte_tokenizer.ts";
import { type HomePaths, readConfiguration } from "../configuration.ts";
import type { Places } from "../places.ts";
import { targetModules } from "../../compute/models/target_modules.ts";
import { InvalidSpecError, type Problem, suggestion } from "../spec/problems.ts";
import type { RunSpec } from "../spec/run_spec.ts";
import type { MemoryNeeds } from "../spec/worker.ts";
import { UNKNOWN_NEEDS } from "../workers/worker_store.ts";
import { availableBackend } from "./available_backend.ts";
import { checkData } from "./check_data.ts";
import { type DataSizes, memoryNeeds, memoryProblem, misfit, planRun } from "./check_memory.ts";
import { checkTask } from "./check_task.ts";
import { cpuMemory } from "./device_memory.ts";
import { withoutRevision } from "../../data/hub/repository_id.ts";
import { modelTokenizer } from "../../data/model_tokenizer.ts";
import { mayBeOnHub } from "./fetch_inputs.ts";
import { publishedConfig } from "./plan_shape.ts";
import { checkAdapter } from "./stored_adapters.ts";
import { inputMessage, listModels, type ModelFolder, openModel } from "./stored_models.ts";
import { needsTokenizer } from "./training_data.ts";

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
  const { config, folder } = await checkModel(spec.model, paths, problems);
  if (config) {
    checkModules(spec, config, problems);
    checkLengths(spec, config, problems);
    const { method } = spec;
    if (problems.length === 0 && method.kind === "lora" && method.init_from !== undefined) {
      const { init_from } = method;
      await checkAdapter({ ...method, init_from }, config, { paths, artifacts }, problems);
    }
  }
  const tokenizer = folder === undefined ? undefined : await checkTokenizer(spec, folder, problems);
  await checkTask(spec, config && { config, tokenizer }, paths, problems);
  // What is wrong otherwise has to be put right first.
  const sizes = config && folder && problems.length === 0
    ? await checkData(spec, { config, folder }, paths.datasets, problems)
    : undefined;
  const needs = config && problems.length === 0
    ? await checkMemory(spec, config, sizes, problems)
    : UNKNOWN_NEEDS;
  if (problems.length > 0) throw new InvalidSpecError(problems);
  return needs;
}

// A GPU's limits are known where the run will be; the processor's are the same everywhere.
async function checkMemory(
  spec: RunSpec,
  config: ModelConfig,
  sizes: DataSizes | undefined,
  problems: Problem[],
): Promise<MemoryNeeds> {
  const needs = await memoryNeeds(spec, config, sizes);
  if (needs.cpu === null) return needs;
  const { databaseUrl } = readConfiguration();
  // Hosts that share a database may have more memory than this one.
  const device = cpuMemory(databaseUrl === undefined ? undefined : Infinity);
  const plan = await planRun(spec, config, device, sizes);
  if (misfit(plan, device, spec.model) === undefined) return needs;
  // Only now is a GPU looked for: most runs fit. Workers elsewhere may have one that is not here.
  if (spec.backend === "auto") {
    if (databaseUrl !== undefined || await availableBackend() === "webgpu") return needs;
  }
  const message = await memoryProblem(spec, config, device, plan, sizes);
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

async function checkModel(
  name: string,
  paths: HomePaths,
  problems: Problem[],
): Promise<Partial<ModelFolder>> {
  const models = await listModels(paths.models);
  const model = models.find((each) => each.name === name);
  if (model === undefined) {
    // The run's job downloads it; what is known of its shapes is checked now.
    if (mayBeOnHub(name, readConfiguration().hub)) {
      const config = publishedConfig(withoutRevision(name));
      return config ? { config } : {};
    }
    const allowed = models.map((each) => each.name);
    problems.push({
      path: "/model",
      message: `Unknown model "${name}"${suggestion(name, allowed)}`,
      allowed,
    });
    return {};
  }
  try {
    using open = await openModel(model.folder);
    return open;
  } catch (error) {
    problems.push({ path: "/model", message: inputMessage(error) });
    return {};
  }
}

/** The tokeniser of a model that is asked in text. */
async function checkTokenizer(
  { task }: RunSpec,
  folder: string,
  problems: Problem[],
): Promise<Tokenizer | undefined> {
  if (!needsTokenizer(task)) return undefined;
  try {
    return await modelTokenizer(folder);
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
