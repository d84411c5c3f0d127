// deno task merge: an adapter added into its base model, W + scale · B A, and saved as a folder that
// Hugging Face's libraries load. One weight at a time is in memory.

import { parseArgs } from "node:util";
import { basename, join } from "@std/path";
import { type Backend } from "../../compute/backend/backend.ts";
import { createCpuBackend } from "../../compute/backend/cpu/cpu_backend.ts";
import { weightShapes } from "../../compute/models/config.ts";
import { splitFusedAdapter } from "../../compute/models/fused_adapter.ts";
import { adapterNames, adapterSites, trainedWeights } from "../../compute/models/method.ts";
import { parsePeftConfig } from "../../compute/models/peft_config.ts";
import { ELEMENT_BYTES, safetensorsHeader } from "../../compute/models/safetensors.ts";
import { packBf16, type WeightSource } from "../../compute/models/weights.ts";
import { openArtifacts } from "../artifacts/open_artifacts.ts";
import { adapterName } from "../checkpoint_files.ts";
import { StoredName } from "../spec/method.ts";
import { untiedFor } from "../../compute/models/untie.ts";
import { homePaths, readConfiguration } from "../configuration.ts";
import { exists, fillFolderAtomically } from "../write_file.ts";
import { ADAPTER_CONFIG, openAdapter } from "./stored_adapters.ts";
import { listModels, openModel, parseJsonFile } from "./stored_models.ts";

/** Bytes of one file, at most: what transformers writes. */
const SHARD_BYTES = 5e9;

/** What to merge: folders. */
export interface MergeOptions {
  readonly model: string;
  readonly adapter: string;
  readonly out: string;
  /** @default {5e9} */
  readonly shardBytes?: number;
}

type Stored = "F32" | "BF16";

interface Shard {
  readonly names: string[];
  bytes: number;
}

/**
 * Merges an adapter into its base model.
 *
 * @throws {RangeError} if the folder is there already, or the adapter does not fit the model.
 */
export async function merge({ model, adapter, out, ...options }: MergeOptions): Promise<void> {
  if (await exists(out)) {
    throw new RangeError(`Cannot write "${out}": it is there already: expected a new folder`);
  }
  using opened = await openModel(model);
  const method = parsePeftConfig(await parseJsonFile(adapter, ADAPTER_CONFIG));
  const base = untiedFor(opened, method);
  const { config } = base;
  using stored = await openAdapter(adapter);
  const changes = splitFusedAdapter(stored.weights, config, method);
  const sites = new Map(
    adapterSites(config, method).map((site) => [`${site.module}.weight`, site]),
  );
  const shapes = new Map(weightShapes(config));
  // A tied output embedding with an adapter is no longer the input embedding.
  const untied = config.tie_word_embeddings && sites.has("lm_head.weight");
  const sourceOf = (name: string) =>
    untied && name === "lm_head.weight" ? "model.embed_tokens.weight" : name;
  if (untied) shapes.set("lm_head.weight", shapes.get("model.embed_tokens.weight")!);
  const saved = trainedWeights(config, method);
  const dtypeOf = (name: string): Stored =>
    base.weights.storedAs?.(sourceOf(name)) === "BF16" ? "BF16" : "F32";

  const backend = await createCpuBackend();
  try {
    const value = async (name: string): Promise<Float32Array> => {
      const replaced = saved.get(sourceOf(name));
      const weight = replaced
        ? await readWhole(changes, replaced, shapes.get(name)!)
        : await base.weights.read(sourceOf(name), "f32");
      const site = sites.get(name);
      if (!site) return weight as Float32Array;
      return await addProduct(backend, weight as Float32Array, site, changes);
    };
    const shards = shardsOf(shapes, dtypeOf, options.shardBytes ?? SHARD_BYTES);
    await fillFolderAtomically(out, async (folder) => {
      const index: Record<string, string> = {};
      for (const [i, { names }] of shards.entries()) {
        const file = shardName(i, shards.length);
        await writeShard(join(folder, file), names, shapes, dtypeOf, value);
        for (const name of names) index[name] = file;
      }
      if (shards.length > 1) {
        const total_size = shards.reduce((sum, { bytes }) => sum + bytes, 0);
        const json = { metadata: { total_size }, weight_map: index };
        await writeJson(join(folder, "model.safetensors.index.json"), json);
      }
      await copyOthers(model, folder);
      // As text: a float that is whole ("0.0") would come back as an integer, which some readers refuse.
      const text = await Deno.readTextFile(join(model, "config.json"));
      const tied = /("tie_word_embeddings"\s*:\s*)true/;
      await Deno.writeTextFile(
        join(folder, "config.json"),
        shapes.has("lm_head.weight") ? text.replace(tied, "$1false") : text,
      );
    });
  } finally {
    backend.close();
  }
}

/** A weight that takes the place of the base's. */
async function readWhole(
  adapter: WeightSource,
  name: string,
  shape: readonly number[],
): Promise<Float32Array> {
  const found = adapter.names.has(name) ? adapter.shape(name) : undefined;
  if (found?.join() === shape.join()) return await adapter.read(name, "f32") as Float32Array;
  throw new RangeError(`Cannot merge the adapter: expected its "${name}" to be [${shape}]`);
}

/** W + scale · B A. */
async function addProduct(
  backend: Backend,
  weight: Float32Array,
  { module, shape: [outputs, inputs], r, scaling }: ReturnType<typeof adapterSites>[number],
  adapter: WeightSource,
): Promise<Float32Array> {
  const names = adapterNames(module);
  const put = async (name: string, shape: readonly [number, number]) => {
    if (!adapter.names.has(name) || adapter.shape(name).join() !== shape.join()) {
      throw new RangeError(`Cannot merge the adapter: expected its "${name}" to be [${shape}]`);
    }
    const tensor = backend.empty(shape, "f32", name);
    backend.write(tensor, await adapter.read(name, "f32"));
    return tensor;
  };
  const w = await put(names.a, [r, inputs]), x = await put(names.b, [outputs, r]);
  const y = backend.empty([outputs, inputs], "f32", module);
  backend.write(y, weight);
  backend.run("gemm_nn", { x, w, y }, {
    m: outputs,
    n: inputs,
    k: r,
    alpha: scaling,
    accumulate: 1,
  });
  const merged = await backend.read(y) as Float32Array;
  [w, x, y].forEach((tensor) => backend.free(tensor));
  return merged;
}

/** Weights in order, as many to a file as fit. */
function shardsOf(
  shapes: ReadonlyMap<string, readonly number[]>,
  dtypeOf: (name: string) => Stored,
  limit: number,
): Shard[] {
  const shards: Shard[] = [{ names: [], bytes: 0 }];
  for (const [name, shape] of shapes) {
    const bytes = shape.reduce((product, n) => product * n, ELEMENT_BYTES[dtypeOf(name)]!);
    let last = shards.at(-1)!;
    if (last.names.length > 0 && last.bytes + bytes > limit) {
      shards.push(last = { names: [], bytes: 0 });
    }
    last.names.push(name);
    last.bytes += bytes;
  }
  return shards;
}

function shardName(index: number, count: number): string {
  if (count === 1) return "model.safetensors";
  const number = (n: number) => String(n).padStart(5, "0");
  return `model-${number(index + 1)}-of-${number(count)}.safetensors`;
}

async function writeShard(
  path: string,
  names: readonly string[],
  shapes: ReadonlyMap<string, readonly number[]>,
  dtypeOf: (name: string) => Stored,
  value: (name: string) => Promise<Float32Array>,
): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const write = async (data: Uint8Array) => {
    for (let at = 0; at < data.length;) at += await file.write(data.subarray(at));
  };
  const entries = new Map(
    names.map((name) => [name, { dtype: dtypeOf(name), shape: shapes.get(name)! }]),
  );
  await write(safetensorsHeader(entries, { format: "pt" }));
  for (const [name, { dtype }] of entries) {
    const merged = await value(name);
    const data = dtype === "BF16" ? packBf16(merged) : merged;
    await write(
      new Uint8Array(data.buffer, data.byteOffset, merged.length * ELEMENT_BYTES[dtype]!),
    );
  }
}

/** The tokeniser and whatever else lies beside the weights. */
async function copyOthers(from: string, to: string): Promise<void> {
  for await (const { name, isFile } of Deno.readDir(from)) {
    if (!isFile || name.startsWith(".") || name === "config.json") continue;
    if (/\.(safetensors|bin|pt|gguf)$|\.index\.json$/.test(name)) continue;
    await Deno.copyFile(join(from, name), join(to, name));
  }
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(path, JSON.stringify(value, null, 2) + "\n");
}

/** A folder, or the folder of what is stored under that name. */
async function folderOf(name: string, file: string, stored: string | undefined): Promise<string> {
  if (await exists(join(name, file))) return name;
  if (stored && await exists(join(stored, file))) return stored;
  throw new RangeError(`Cannot find "${name}": expected a folder with ${file}, or a stored name`);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      model: { type: "string" },
      adapter: { type: "string" },
      out: { type: "string" },
      "max-shard-size": { type: "string" },
    },
  });
  const { model, adapter, out } = values;
  const shardBytes = Number(values["max-shard-size"] ?? SHARD_BYTES);
  if (!model || !adapter || !out || !(shardBytes > 0)) {
    console.error(
      "Usage: deno task merge --model MODEL --adapter ADAPTER --out FOLDER [--max-shard-size BYTES]",
    );
    Deno.exit(2);
  }
  const configuration = readConfiguration();
  const paths = homePaths(configuration.home);
  try {
    if (StoredName.safeParse(adapter).success) {
      await (await openArtifacts(configuration)).open(adapterName(adapter));
    }
    const named = (await listModels(paths.models)).find(({ name }) => name === model);
    await merge({
      model: await folderOf(model, "config.json", named?.folder),
      adapter: await folderOf(adapter, ADAPTER_CONFIG, join(paths.adapters, adapter)),
      out,
      shardBytes,
    });
    console.log(`${basename(adapter)} merged into ${basename(model)}: ${out}`);
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
}
