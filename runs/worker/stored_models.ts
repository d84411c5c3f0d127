// Models in Hugging Face layout: those that ship, and those in the data folder.

import { join } from "@std/path";
import { type ModelConfig, parseModelConfig, weightShapes } from "../../compute/models/config.ts";
import { checkWeights, openWeights, type WeightSource } from "../../compute/models/weights.ts";
import { exists } from "../write_file.ts";
import { type FileSource, openFileSource } from "./file_source.ts";

/** Folder of the models that ship; a model's name there starts with `noregret/`. */
const SHIPPED = new URL("../../data/models/", import.meta.url);
const SHIPPED_PREFIX = "noregret/";

/** A model that can be trained. */
export interface StoredModel {
  readonly name: string;
  readonly folder: string;
  readonly shipped: boolean;
}

/** A model's configuration and its open weight files. */
export interface OpenModel extends Disposable {
  readonly folder: string;
  readonly config: ModelConfig;
  readonly weights: WeightSource;
}

/** All models by name, shipped ones first. */
export async function listModels(modelsFolder: string): Promise<StoredModel[]> {
  const shipped = SHIPPED.protocol === "file:"
    ? await foldersWith("config.json", decodeURIComponent(SHIPPED.pathname))
    : [];
  const own = await foldersWith("config.json", modelsFolder);
  return [
    ...shipped.map(({ name, folder }) => ({
      name: SHIPPED_PREFIX + name,
      folder,
      shipped: true,
    })),
    ...own.map((each) => ({ ...each, shipped: false })),
  ];
}

/** The folders below `root`, one or two levels deep, that hold a file; sorted by name. */
export async function foldersWith(
  file: string,
  root: string,
): Promise<{ name: string; folder: string }[]> {
  const found: { name: string; folder: string }[] = [];
  const visit = async (folder: string, prefix: string, depth: number) => {
    for await (const entry of Deno.readDir(folder)) {
      if (entry.isFile || entry.name.startsWith(".")) continue;
      const path = join(folder, entry.name);
      const name = prefix + entry.name;
      if (await exists(join(path, file))) found.push({ name, folder: path });
      else if (depth > 1) await visit(path, `${name}/`, depth - 1);
    }
  };
  if (await exists(root)) await visit(root, "", 2);
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Opens a model and checks that its weights fit its configuration. No weight is read yet.
 *
 * @throws {SyntaxError} if a file cannot be parsed.
 * @throws {RangeError} if config.json is not supported or does not fit the weights.
 */
export async function openModel(folder: string): Promise<OpenModel> {
  const text = await Deno.readTextFile(join(folder, "config.json"));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError(`Cannot read config.json: ${(cause as Error).message}`, { cause });
  }
  const config = parseModelConfig(json);
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(".safetensors") && !name.startsWith(".")) names.push(name);
  }
  if (names.length === 0) {
    throw new RangeError("Cannot load the model: expected a .safetensors file beside config.json");
  }
  const files: FileSource[] = [];
  const close = () => files.forEach((file) => file[Symbol.dispose]());
  try {
    for (const name of names.sort()) files.push(await openFileSource(join(folder, name), name));
    const weights = await openWeights(files);
    checkWeights(weights, weightShapes(config));
    return { folder, config, weights, [Symbol.dispose]: close };
  } catch (error) {
    close();
    throw error;
  }
}
