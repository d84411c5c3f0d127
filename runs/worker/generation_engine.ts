// A loaded model that generates: its weights, the adapters that are stacked beside it, its text side and the
// batch that all requests share.

import { chooseBackend } from "../../compute/backend/choose.ts";
import type { Backend } from "../../compute/backend/backend.ts";
import { PAGE } from "../../compute/backend/kernels.ts";
import { type AdapterBank, stackAdapters } from "../../compute/models/adapter_bank.ts";
import type { FrozenType } from "../../compute/models/frozen_weights.ts";
import { FROZEN } from "../../compute/models/method.ts";
import { createModel, type Model } from "../../compute/models/model.ts";
import { untiedFor } from "../../compute/models/untie.ts";
import { BatchGenerator, pagesOfSequence } from "../../compute/train/generate.ts";
import { type ModelText, openModelText } from "../../data/model_text.ts";
import type { Configuration } from "../configuration.ts";
import type { Places } from "../places.ts";
import { InvalidSpecError, type Problem, suggestion } from "../spec/problems.ts";
import { mostPages } from "./cache_memory.ts";
import { type ReadAdapter, readAdapter } from "./read_adapter.ts";
import { inputMessage, listModels, openModel } from "./stored_models.ts";

/** Sequences decoded side by side. */
const BATCH = 32;
/** Longest sequence; a model's own limit may be lower. */
const CONTEXT = 16_384;
/** Adapters that stay loaded beside a model. */
const BANKED = 16;

/** What a request needs loaded. */
export interface Wanted {
  readonly model: string;
  readonly adapter?: string | undefined;
  readonly backend: "auto" | "cpu" | "webgpu";
  readonly dtype: FrozenType;
}

/** Where models are, and what they run on. */
export interface EngineContext extends Places {
  readonly threads: number | undefined;
  readonly gpu: Configuration["gpu"];
}

interface LoadedModel {
  readonly key: string;
  readonly folder: string;
  readonly model: Model;
  readonly text: ModelText;
}

/** Loads one model at a time and keeps it until another is wanted. */
export class GenerationEngine {
  #backend: { readonly kind: Wanted["backend"]; readonly backend: Backend } | undefined;
  #model: LoadedModel | undefined;
  #bank: AdapterBank | undefined;
  /** Adapters in the bank, the longest unused first. */
  #banked = new Map<string, ReadAdapter>();
  #generator: BatchGenerator | undefined;

  constructor(readonly context: EngineContext) {}

  /** Whether a request can join those under way. */
  has(wanted: Wanted): boolean {
    if (this.#generator === undefined) return false;
    const { adapter } = wanted;
    return this.#model?.key === ownKey(wanted) ||
      this.#model?.key === baseKey(wanted) && (!adapter || this.#banked.has(adapter));
  }

  /**
   * Loads what a request needs; nothing may be under way.
   *
   * @throws {InvalidSpecError} if the model or the adapter is not there, or cannot be used.
   */
  async load(wanted: Wanted): Promise<void> {
    if (this.has(wanted)) return;
    const problems: Problem[] = [];
    const adapter = wanted.adapter === undefined
      ? undefined
      : await readAdapter(this.context, wanted.adapter, "/adapter", problems);
    if (problems.length > 0) throw new InvalidSpecError(problems);
    const own = adapter !== undefined && adapter.method.modules_to_save !== undefined;
    const key = own ? ownKey(wanted) : baseKey(wanted);
    this.#freeGenerator();
    if (this.#model?.key !== key) await this.#loadModel(wanted, key, own ? adapter : undefined);
    const { model } = this.#model!;
    if (own) adapter[Symbol.dispose]();
    else if (adapter !== undefined) {
      this.#banked.set(wanted.adapter!, adapter);
      if (this.#banked.size > BANKED) this.#forget(this.#banked.keys().next().value!);
    }
    try {
      const banked = [...this.#banked.values()];
      if (banked.length > 0) this.#bank = await stackAdapters(model, banked);
    } catch (error) {
      // The others were stacked before.
      if (wanted.adapter !== undefined) this.#forget(wanted.adapter);
      throw new InvalidSpecError([{ path: "/adapter", message: inputMessage(error) }]);
    }
    this.#generator = new BatchGenerator(model, generatorSizes(model), this.#bank);
  }

  /** The loaded model. */
  get model(): Model {
    return this.#model!.model;
  }

  /** The loaded model's text side. */
  get text(): ModelText {
    return this.#model!.text;
  }

  /** The loaded model's folder. */
  get folder(): string {
    return this.#model!.folder;
  }

  /** The batch. */
  get generator(): BatchGenerator {
    return this.#generator!;
  }

  /** Whether no sequence is under way. */
  get idle(): boolean {
    return this.#generator?.idle ?? true;
  }

  /** The stacked adapters. */
  get bank(): AdapterBank | undefined {
    return this.#bank;
  }

  /** An adapter's position in the bank; undefined for the model as it is loaded. */
  adapterIndex(name: string | undefined): number | undefined {
    const index = name === undefined ? -1 : [...this.#banked.keys()].indexOf(name);
    return index < 0 ? undefined : index;
  }

  close(): void {
    this.#freeGenerator();
    this.#model?.model.free();
    this.#backend?.backend.close();
  }

  async #loadModel(
    { model: name, dtype, backend: kind }: Wanted,
    key: string,
    adapter: ReadAdapter | undefined,
  ): Promise<void> {
    const { paths, threads, gpu } = this.context;
    const models = await listModels(paths.models);
    const found = models.find((each) => each.name === name);
    if (found === undefined) {
      const allowed = models.map((each) => each.name);
      const message = `Unknown model "${name}"${suggestion(name, allowed)}`;
      throw new InvalidSpecError([{ path: "/model", message, allowed }]);
    }
    this.#model?.model.free();
    this.#model = undefined;
    for (const name of this.#banked.keys()) this.#forget(name);
    if (this.#backend?.kind !== kind) {
      this.#backend?.backend.close();
      this.#backend = undefined;
      this.#backend = { kind, backend: await chooseBackend({ backend: kind, threads, gpu }) };
    }
    try {
      using stored = await openModel(found.folder);
      const text = await openModelText(found.folder);
      const { config, weights } = adapter ? untiedFor(stored, adapter.method) : stored;
      const model = await createModel({
        backend: this.#backend.backend,
        config,
        weights,
        method: adapter?.method ?? FROZEN,
        adapter: adapter?.weights,
        dtype,
        seed: 0,
      });
      this.#model = { key, folder: found.folder, model, text };
    } catch (error) {
      const path = adapter ? "/adapter" : "/model";
      throw new InvalidSpecError([{ path, message: inputMessage(error) }]);
    }
  }

  #forget(adapter: string): void {
    this.#banked.get(adapter)?.[Symbol.dispose]();
    this.#banked.delete(adapter);
  }

  #freeGenerator(): void {
    this.#generator?.free();
    this.#generator = undefined;
    this.#bank?.free();
    this.#bank = undefined;
  }
}

/** The batch and the lengths that fit the memory for keys and values. */
function generatorSizes({ config, backend }: Model) {
  const most = mostPages(config, backend.info);
  // A sequence's own tokens begin a new page.
  const maxLength = Math.min(config.max_position_embeddings, CONTEXT, (most - 1) * PAGE);
  const longest = maxLength - 1;
  const sizes = {
    batch: BATCH,
    maxPromptLength: longest,
    maxCompletionLength: longest,
    maxLength,
  };
  return { ...sizes, pages: Math.min(most, BATCH * pagesOfSequence(sizes)) };
}

const baseKey = ({ model, dtype, backend }: Wanted) => JSON.stringify([model, dtype, backend]);
const ownKey = ({ model, dtype, backend, adapter }: Wanted) =>
  JSON.stringify([model, dtype, backend, adapter]);
