// Models in Hugging Face layout: those that ship, and those in the data folder.

import { join } from "@std/path";
import { type ModelConfig, parseModelConfig, weightShapes } from "../../compute/models/config.ts";
import {
  checkIndex,
  checkNoOthers,
  checkWeights,
  openWeights,
  type WeightSource,
} from "../../compute/models/weights.ts";
import { realFileBelow, realPathBelow } from "../../data/real_path.ts";
import { exists } from "../write_file.ts";
import { type FileSource, openFileSource } from "./file_source.ts";

/** Folder of the models that ship; a model's name there starts with `noregret/`. */
const SHIPPED = new URL("../../data/models/", import.meta.url);
/** What the name of a model that ships starts with. */
export const SHIPPED_PREFIX = "noregret/";

/** A model that can be trained. */
export interface StoredModel {
  readonly name: string;
  readonly folder: string;
  readonly shipped: boolean;
}

/** A model whose configuration has been read. */
export interface ModelFolder {
  readonly folder: string;
  readonly config: ModelConfig;
}

/** A model's configuration and its open weight files. */
export interface OpenModel extends ModelFolder, Disposable {
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

/**
 * The folders below `root`, one or two levels deep, that hold a file; sorted by name. What cannot be
 * entered, or is a link out of `root`, is none of them.
 */
export async function foldersWith(
  file: string,
  root: string,
): Promise<{ name: string; folder: string }[]> {
  const found: { name: string; folder: string }[] = [];
  const visit = async (folder: string, prefix: string, depth: number) => {
    for await (const entry of Deno.readDir(folder)) {
      if (entry.isFile || entry.name.startsWith(".")) continue;
      const path = await realPathBelow(root, join(folder, entry.name));
      if (path === undefined || !(await Deno.stat(path)).isDirectory) continue;
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
 * @throws {RangeError} if config.json is not supported or does not fit the weights, or a file lies
 *   outside the folder.
 */
export async function openModel(folder: string): Promise<OpenModel> {
  const config = parseModelConfig(await parseJsonFile(folder, "config.json"));
  const index = await readIndex(folder);
  const names = index ? [...new Set(index.values())].sort() : [SINGLE];
  const files: FileSource[] = [];
  const close = () => files.forEach((file) => file[Symbol.dispose]());
  try {
    for (const name of names) {
      files.push(await openFileSource(await fileIn(folder, name), name));
    }
    if (index) await checkIndex(index, files);
    const weights = await openWeights(files);
    const { num_hidden_layers: layers } = config;
    // Before the shapes are listed: a number from outside must not decide how long that list gets.
    if (layers > weights.names.size) {
      throw new RangeError(
        `Cannot load the model: config.json asks for ${layers} layers, its weights are ` +
          `${weights.names.size} tensors`,
      );
    }
    const shapes = weightShapes(config);
    checkWeights(weights, shapes);
    checkNoOthers(weights, shapes);
    return { folder, config, weights, [Symbol.dispose]: close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The weights of a model in one file, and the list of those in several. */
const SINGLE = "model.safetensors", INDEX = "model.safetensors.index.json";

/** Tensor → file of a model in several files; undefined where there is one. */
async function readIndex(folder: string): Promise<Map<string, string> | undefined> {
  if (!(await exists(join(folder, INDEX)))) {
    if (await exists(join(folder, SINGLE))) return undefined;
    throw new RangeError(
      `Cannot load the model: expected ${SINGLE} or ${INDEX} beside config.json`,
    );
  }
  const json = await parseJsonFile(folder, INDEX) as { weight_map?: unknown } | null;
  const map = json?.weight_map;
  if (typeof map !== "object" || map === null || Object.keys(map).length === 0) {
    throw new SyntaxError(`Cannot read ${INDEX}: expected "weight_map", tensor by file name`);
  }
  for (const [name, file] of Object.entries(map)) {
    if (typeof file === "string" && /^[\w.-]+\.safetensors$/.test(file)) continue;
    throw new SyntaxError(
      `Cannot read ${INDEX}: "${name}" lies in ${
        JSON.stringify(file)
      }, expected a .safetensors file`,
    );
  }
  const files = new Set(Object.values(map as Record<string, string>));
  const missing: string[] = [];
  for (const file of files) if (!(await exists(join(folder, file)))) missing.push(`"${file}"`);
  if (missing.length > 0) {
    throw new RangeError(
      `Cannot load the model: ${missing.length} of ${files.size} files that its index lists are not ` +
        `there: ${missing.slice(0, 3).join(", ")}: expected a whole download`,
    );
  }
  return new Map(Object.entries(map as Record<string, string>));
}

/**
 * The path of a file of a model or an adapter.
 *
 * @throws {RangeError} if it is no file, or a link out of its folder.
 */
export async function fileIn(folder: string, name: string): Promise<string> {
  const path = await realFileBelow(folder, join(folder, name));
  if (path !== undefined) return path;
  throw new RangeError(`Cannot read ${name}: expected a file that lies in its folder`);
}

/**
 * Parses a JSON file of a model or an adapter.
 *
 * @throws {SyntaxError} if it is not JSON.
 * @throws {RangeError} if it is no file, or a link out of its folder.
 */
export async function parseJsonFile(folder: string, name: string): Promise<unknown> {
  const text = await Deno.readTextFile(await fileIn(folder, name));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError(`Cannot read ${name}: ${(cause as Error).message}`, { cause });
  }
}

/** What is wrong with stored files, for whoever named them; an error that is ours is thrown on. */
export function inputMessage(error: unknown): string {
  if (
    error instanceof SyntaxError || error instanceof RangeError || error instanceof TypeError ||
    error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied
  ) {
    return error.message;
  }
  throw error;
}
