// Batched generation: sequences wait for a free place, are read into the cache, and are decoded side by side until
// each ends by itself. What one draws depends on its own prompt, options and keys of randomness alone, so neither
// the others in the batch nor the order of their ends change it.

import { MAX_STOPS } from "../backend/kernels.ts";
import { type AdapterBank, NO_ADAPTER } from "../models/adapter_bank.ts";
import type { Model } from "../models/model.ts";
import { philox } from "../rng.ts";
import { Decoder } from "./decode.ts";
import type { RowState } from "./decode_state.ts";
import type {
  Completion,
  FinishReason,
  GenerateOptions,
  Generator,
  GeneratorOptions,
  SamplingOptions,
} from "./generation.ts";
import { KvCache } from "./kv_cache.ts";
import { type Holding, type Lease, pagesOf } from "./page_pool.ts";
import { Prefill } from "./prefill.ts";

/** Steps between two looks at the device: reading takes 10 ms on a GPU and nothing on the cpu. */
const STEPS = { cpu: 1, webgpu: 16 } as const;

/** Temperatures between 0 and this are this: with f32 numbers 1 / temperature would be no number. */
const LEAST_TEMPERATURE = 1e-30;

/** One sequence to continue. */
export interface SequenceRequest {
  readonly prompt: Uint32Array;
  /** Position of its adapter in the generator's bank; absent: the model as it is. */
  readonly adapter?: number | undefined;
  readonly sampling: SamplingOptions;
  readonly maxNewTokens: number;
  readonly stopTokenIds: readonly number[];
  readonly seed: number;
  readonly stream: number;
  /** Its number within the request. */
  readonly index: number;
  /**
   * Asked after each token with all so far: how many of them to keep if the sequence ends here, else undefined.
   * Stop strings are such a test.
   */
  readonly endsAt?: ((ids: readonly number[]) => number | undefined) | undefined;
}

/** A prompt in the cache, read once for all sequences that go on from it. */
interface CachedPrompt {
  readonly prompt: Uint32Array;
  readonly adapter: number;
  /** Hold all but its last token, which is the first that decoding reads. */
  readonly held: Holding;
  users: number;
}

/** Pages of a sequence: its prompt's, and its own for what follows. */
interface Place {
  readonly prompt: CachedPrompt;
  readonly own: Lease;
}

/** A sequence under way. */
export class Sequence {
  readonly ids: number[] = [];
  readonly logprobs: number[] = [];
  /** Set once it has ended. */
  finish: FinishReason | undefined;
  cancelled = false;
  /** Its place in the cache, while it is being decoded. */
  place: Place | undefined;

  constructor(readonly request: SequenceRequest) {}

  get done(): boolean {
    return this.finish !== undefined || this.cancelled;
  }

  /** What it has become. */
  completion(): Completion {
    return {
      ids: Uint32Array.from(this.ids),
      logprobs: Float32Array.from(this.logprobs),
      finish_reason: this.finish ?? "length",
    };
  }
}

/** A generator that takes sequences while it is at work. */
export class BatchGenerator implements Generator {
  readonly #cache: KvCache;
  readonly #prefill: Prefill;
  readonly #decoder: Decoder;
  readonly #waiting: Sequence[] = [];
  readonly #prompts = new Set<CachedPrompt>();
  #active: Sequence[] = [];
  #step: Promise<void> | undefined;

  constructor(
    readonly model: Model,
    readonly options: GeneratorOptions,
    readonly bank?: AdapterBank,
  ) {
    const { batch, maxPromptLength, maxCompletionLength } = options;
    for (const [name, value] of Object.entries({ batch, maxPromptLength, maxCompletionLength })) {
      if (Number.isSafeInteger(value) && value >= 1) continue;
      throw new RangeError(`Cannot make a generator: ${name} is ${value}, expected an integer ≥ 1`);
    }
    const { max_position_embeddings: positions } = model.config;
    const length = options.maxLength ?? maxPromptLength + maxCompletionLength;
    if (length > positions) {
      throw new RangeError(
        `Cannot make a generator for sequences of ${length} tokens: ` +
          `the model has ${positions} positions`,
      );
    }
    const width = pagesOfSequence(options);
    const pages = options.pages ?? batch * width;
    if (pages < width) {
      throw new RangeError(
        `Cannot make a generator with ${pages} pages: one sequence may need ${width}`,
      );
    }
    this.#cache = new KvCache(model, pages);
    this.#prefill = new Prefill(this.#cache, bank);
    const steps = options.stepsPerRead ?? STEPS[model.backend.info.kind];
    this.#decoder = new Decoder(this.#cache, bank, batch, steps, width);
  }

  async generate(
    prompts: readonly Uint32Array[],
    options: GenerateOptions = {},
  ): Promise<Completion[]> {
    const { num_generations: n = 1, max_new_tokens, stop_token_ids, seed, stream } = options;
    const requests = prompts.flatMap((prompt, p) =>
      Array.from({ length: n }, (_, i): SequenceRequest => ({
        prompt,
        adapter: options.adapters?.[p],
        sampling: options,
        maxNewTokens: max_new_tokens ?? this.options.maxCompletionLength,
        stopTokenIds: stop_token_ids ?? [],
        seed: seed ?? 0,
        stream: stream ?? 0,
        index: p * n + i,
      }))
    );
    requests.forEach((request) => this.check(request));
    const sequences = requests.map((request) => this.add(request));
    while (!sequences.every(({ done }) => done)) await this.step();
    return sequences.map((sequence) => sequence.completion());
  }

  /** Whether nothing is waiting or being decoded. */
  get idle(): boolean {
    return this.#waiting.length + this.#active.length === 0;
  }

  /**
   * Puts a sequence in line; {@linkcode step} moves it on.
   *
   * @throws {RangeError} if it does not fit the generator.
   */
  add(request: SequenceRequest): Sequence {
    this.check(request);
    const sequence = new Sequence(request);
    this.#waiting.push(sequence);
    return sequence;
  }

  /** Moves every sequence on by one token on the cpu, by a block of them on a GPU. Calls join the step under way. */
  step(): Promise<void> {
    this.#step ??= this.#advance().finally(() => this.#step = undefined);
    return this.#step;
  }

  /** Records every pass that may be needed: a plan of memory counts them all. */
  recordAll(): void {
    this.#decoder.recordAll();
    this.#prefill.recordAll(this.options.maxPromptLength - 1, this.options.batch);
  }

  free(): void {
    this.#decoder.free();
    this.#prefill.free();
    this.#cache.free();
  }

  /** @throws {RangeError} if a sequence does not fit the generator. */
  check({ prompt, adapter, sampling, maxNewTokens, stopTokenIds }: SequenceRequest): void {
    const { maxPromptLength, maxCompletionLength } = this.options;
    const fail = (what: string) => {
      throw new RangeError(`Cannot generate: ${what}`);
    };
    if (prompt.length < 1 || prompt.length > maxPromptLength) {
      fail(`the prompt has ${prompt.length} tokens, expected 1 to ${maxPromptLength}`);
    }
    const { vocab_size: vocab } = this.model.config;
    const unknown = prompt.find((id) => id >= vocab);
    if (unknown !== undefined) {
      fail(`the prompt has token ${unknown}, the model knows 0 to ${vocab - 1}`);
    }
    if (
      !(Number.isInteger(maxNewTokens) && maxNewTokens >= 1 && maxNewTokens <= maxCompletionLength)
    ) {
      fail(
        `max_new_tokens is ${maxNewTokens}, expected an integer from 1 to ${maxCompletionLength}`,
      );
    }
    const length = prompt.length + maxNewTokens;
    const longest = this.options.maxLength ?? Infinity;
    if (length > longest) {
      fail(`${prompt.length} + ${maxNewTokens} tokens, expected at most ${longest} in all`);
    }
    if (stopTokenIds.length > MAX_STOPS) {
      fail(`${stopTokenIds.length} stop tokens, expected at most ${MAX_STOPS}`);
    }
    const adapters = this.bank?.size ?? 0;
    if (adapter !== undefined && !(adapter >= 0 && adapter < adapters)) {
      fail(`adapter ${adapter} is none of the ${adapters} that are loaded`);
    }
    const { temperature = 1, top_k = 0, top_p = 1, min_p = 0 } = sampling;
    if (!(temperature >= 0 && Number.isFinite(temperature))) {
      fail(`temperature is ${temperature}, expected a number ≥ 0`);
    }
    if (!(Number.isInteger(top_k) && top_k >= 0)) {
      fail(`top_k is ${top_k}, expected an integer ≥ 0`);
    }
    for (const [name, value] of Object.entries({ top_p, min_p })) {
      if (!(value >= 0 && value <= 1)) fail(`${name} is ${value}, expected a number from 0 to 1`);
    }
  }

  async #advance(): Promise<void> {
    this.#leave();
    const going = this.#active.filter((sequence) => this.#grow(sequence));
    // Who waits for a page comes before who waits for a place.
    if (going.length === this.#active.length) going.push(...this.#admit());
    if (going.length === 0) return;
    const rows = going.map((sequence) => rowOf(sequence, this.#decoder.steps));
    const drawn = await this.#decoder.run(rows);
    going.forEach((sequence, m) => {
      for (const { id, logprob } of drawn[m]!) {
        take(sequence, id, logprob);
        if (sequence.done) break;
      }
    });
    this.#leave();
  }

  /** Gives the pages of what has ended to others. */
  #leave(): void {
    this.#active = this.#active.filter((sequence) => {
      if (!sequence.done) return true;
      this.#release(sequence.place!);
      sequence.place = undefined;
      return false;
    });
  }

  /** Takes the pages that a sequence may need in the next block of steps; false where it must wait for them. */
  #grow({ request: { maxNewTokens }, ids, place }: Sequence): boolean {
    const tokens = Math.min(ids.length + this.#decoder.steps, maxNewTokens);
    return this.#cache.pool.grow(place!.own, pagesOf(tokens));
  }

  /** Reads the prompts of those who come next, as long as there is a place. */
  #admit(): Sequence[] {
    const fresh: CachedPrompt[] = [], admitted: Sequence[] = [];
    while (this.#waiting.length > 0 && this.#active.length < this.options.batch) {
      const sequence = this.#waiting[0]!;
      if (!sequence.cancelled) {
        sequence.place = this.#take(sequence.request, fresh);
        if (sequence.place === undefined) break;
        this.#active.push(sequence);
        admitted.push(sequence);
      }
      this.#waiting.shift();
    }
    this.#prefill.run(
      fresh.flatMap(({ prompt, adapter, held: { pages } }) =>
        pages.length > 0 ? [{ ids: prompt.subarray(0, -1), adapter, pages }] : []
      ),
    );
    return admitted;
  }

  /** A place in the cache, beside others of the same prompt; undefined where there is no room. */
  #take(
    { prompt, adapter = NO_ADAPTER, maxNewTokens }: SequenceRequest,
    fresh: CachedPrompt[],
  ): Place | undefined {
    let cached = this.#prompts.values().find((each) =>
      each.prompt === prompt && each.adapter === adapter
    );
    // The last token is drawn and never read, but the prompt's last one is read among its own.
    const begin = pagesOf(Math.min(this.#decoder.steps, maxNewTokens));
    const shared = cached ? 0 : pagesOf(prompt.length - 1);
    const taken = this.#cache.pool.open(shared, begin, pagesOf(maxNewTokens));
    if (taken === undefined) return undefined;
    if (cached === undefined) {
      cached = { prompt, adapter, held: taken.fixed, users: 0 };
      this.#prompts.add(cached);
      fresh.push(cached);
    }
    cached.users++;
    return { prompt: cached, own: taken.lease };
  }

  #release({ prompt, own }: Place): void {
    const { pool } = this.#cache;
    pool.close(own);
    if (--prompt.users > 0) return;
    pool.give(prompt.held);
    this.#prompts.delete(prompt);
  }
}

/** Pages that a sequence may come to have: its prompt's and its own, which begin with a new one. */
export function pagesOfSequence(
  { maxPromptLength, maxCompletionLength, maxLength = Infinity }: GeneratorOptions,
): number {
  const both = pagesOf(maxPromptLength - 1) + pagesOf(maxCompletionLength);
  return Math.min(both, pagesOf(maxLength - 1) + 1);
}

/** Makes a generator for a live model. */
export function createGenerator(model: Model, options: GeneratorOptions): Generator {
  return new BatchGenerator(model, options);
}

function rowOf({ request, ids, place }: Sequence, steps: number): RowState {
  const { prompt, adapter = NO_ADAPTER, sampling, maxNewTokens, stopTokenIds } = request;
  const { temperature = 1, top_k = 0, top_p = 1, min_p = 0 } = sampling;
  const left = maxNewTokens - ids.length;
  return {
    token: ids.at(-1) ?? prompt.at(-1)!,
    prompt: prompt.length - 1,
    read: ids.length,
    pages: [...place!.prompt.held.pages, ...place!.own.pages],
    left,
    choice: adapter,
    stops: stopTokenIds,
    options: [temperature && Math.max(temperature, LEAST_TEMPERATURE), top_k, top_p, min_p],
    uniforms: Array.from(
      { length: Math.min(steps, left) },
      (_, t) => uniformOf(request, ids.length + t),
    ),
  };
}

/** In [0, 1), from the keys of a token alone. */
function uniformOf({ seed, stream, index }: SequenceRequest, position: number): number {
  const [bits] = philox([position, index, 0, 2], [seed >>> 0, stream >>> 0]);
  return (bits >>> 8) / 2 ** 24;
}

function take(sequence: Sequence, id: number, logprob: number): void {
  const { request: { stopTokenIds, maxNewTokens, endsAt }, ids, logprobs } = sequence;
  ids.push(id);
  logprobs.push(logprob);
  const kept = endsAt?.(ids);
  if (kept !== undefined) {
    ids.length = logprobs.length = kept;
    sequence.finish = "stop";
  } else if (stopTokenIds.includes(id)) sequence.finish = "stop";
  else if (ids.length === maxNewTokens) sequence.finish = "length";
}
