// Adapters in PEFT's layout, in the data folder: adapter_config.json and adapter_model.safetensors.

import type { ModelConfig } from "../../compute/models/config.ts";
import {
  adapterSites,
  type LoraMethod as PeftMethod,
  trainableShapes,
} from "../../compute/models/method.ts";
import { splitFusedAdapter } from "../../compute/models/fused_adapter.ts";
import { isCopy } from "../../compute/models/model.ts";
import { parsePeftConfig } from "../../compute/models/peft_config.ts";
import { checkWeights, openWeights, type WeightSource } from "../../compute/models/weights.ts";
import { adapterName } from "../checkpoint_files.ts";
import type { Places } from "../places.ts";
import type { LoraMethod } from "../spec/method.ts";
import { type Problem, suggestion } from "../spec/problems.ts";
import { type FileSource, openFileSource } from "./file_source.ts";
import { fileIn, foldersWith, inputMessage, parseJsonFile } from "./stored_models.ts";

/** PEFT's name for what an adapter is. */
export const ADAPTER_CONFIG = "adapter_config.json";
/** PEFT's name for an adapter's matrices. */
const ADAPTER_WEIGHTS = "adapter_model.safetensors";

/** An adapter's open weight file. */
export interface OpenAdapter extends Disposable {
  readonly weights: WeightSource;
}

/** Opens the weights of the adapter in a folder. */
export async function openAdapter(folder: string): Promise<OpenAdapter> {
  const source: FileSource = await openFileSource(
    await fileIn(folder, ADAPTER_WEIGHTS),
    ADAPTER_WEIGHTS,
  );
  try {
    const weights = await openWeights([source]);
    return { weights, [Symbol.dispose]: () => source[Symbol.dispose]() };
  } catch (error) {
    source[Symbol.dispose]();
    throw error;
  }
}

/** The adapters on this disk, once that of one name is there if any host has made it. */
export async function findAdapters(
  name: string,
  { paths, artifacts }: Places,
): Promise<{ name: string; folder: string }[]> {
  const here = await foldersWith(ADAPTER_WEIGHTS, paths.adapters);
  if (here.some((each) => each.name === name)) return here;
  if (await artifacts.open(adapterName(name)) === undefined) return here;
  return await foldersWith(ADAPTER_WEIGHTS, paths.adapters);
}

/**
 * Adds a problem for whatever keeps a run from going on with the adapter `init_from`: the run must
 * start with the function that the adapter computes, so rank, scale and modules have to agree.
 */
export async function checkAdapter(
  method: LoraMethod & { init_from: string },
  config: ModelConfig,
  places: Places,
  problems: Problem[],
): Promise<void> {
  const { init_from: name } = method;
  const path = "/method/init_from";
  const stored = await findAdapters(name, places);
  const adapter = stored.find((each) => each.name === name);
  if (adapter === undefined) {
    const allowed = stored.map((each) => each.name);
    const message = `Unknown adapter "${name}"${suggestion(name, allowed)}`;
    problems.push({ path, message, allowed });
    return;
  }
  try {
    const theirs = parsePeftConfig(await parseJsonFile(adapter.folder, ADAPTER_CONFIG));
    const before = problems.length;
    checkScales(name, theirs, method, config, problems);
    if (problems.length > before) return;
    using open = await openAdapter(adapter.folder);
    const weights = splitFusedAdapter(open.weights, config, method);
    const shapes = new Map(trainableShapes(config, method).map(({ name, shape }) => [name, shape]));
    checkWeights(weights, shapes);
    if (theirs.untied && config.tie_word_embeddings) {
      throw new RangeError(
        `Cannot go on from "${name}": it has untied the model's embeddings, which a run trains as one`,
      );
    }
    const extra = [...weights.names].find((each) => !shapes.has(each) && !isCopy(each, config));
    if (extra !== undefined) {
      throw new RangeError(
        `Cannot go on from "${name}": it holds "${extra}", which this method does not train`,
      );
    }
  } catch (error) {
    problems.push({ path, message: inputMessage(error) });
  }
}

/** Adds a problem for each number by which the run would scale or size the adapter's matrices differently. */
function checkScales(
  name: string,
  theirs: PeftMethod,
  method: LoraMethod,
  config: ModelConfig,
  problems: Problem[],
): void {
  const path = "/method/init_from";
  const before = problems.length;
  if ((theirs.use_rslora ?? false) !== (method.use_rslora ?? false)) {
    const state = theirs.use_rslora ? "on" : "off";
    problems.push({ path, message: `Cannot go on from "${name}": its use_rslora is ${state}` });
  }
  const plain = (each: PeftMethod, key: "rank_pattern" | "alpha_pattern") =>
    Object.keys(each[key] ?? {}).every((module) => module.startsWith("experts"));
  if (config.experts === undefined) {
    for (
      const [key, pattern] of [["r", "rank_pattern"], ["lora_alpha", "alpha_pattern"]] as const
    ) {
      if (
        !plain(theirs, pattern) || !plain(method, pattern) || theirs[key] === method[key]
      ) continue;
      const message = `Expected ${theirs[key]}, the ${key} of adapter "${name}", ` +
        `but found ${method[key]}`;
      problems.push({ path: `/method/${key}`, message });
    }
  }
  if (problems.length > before) return;
  const stored = new Map(adapterSites(config, theirs).map((site) => [site.module, site]));
  for (const { module, r, scaling } of adapterSites(config, method)) {
    const other = stored.get(module);
    if (!other || (other.r === r && other.scaling === scaling)) continue;
    throw new RangeError(
      `Cannot go on from "${name}": its "${module}" has rank ${other.r} and scale ${other.scaling}, ` +
        `this run asks for ${r} and ${scaling}`,
    );
  }
}
