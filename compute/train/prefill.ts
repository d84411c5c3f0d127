// Reads prompts into the cache: several side by side in one forward pass, each once, however many sequences go on
// from it. Passes have a few sizes, recorded when first needed and kept for the next time.

import type { Backend, Plan, Tensor } from "../backend/backend.ts";
import { IGNORED_ROW, PAGE } from "../backend/kernels.ts";
import { type AdapterBank, NO_ADAPTER } from "../models/adapter_bank.ts";
import { attention } from "../models/layers.ts";
import { type Attend, headShape, hidden } from "../models/transformer.ts";
import { Tape } from "../tape.ts";
import type { KvCache } from "./kv_cache.ts";

/**
 * Prompts start at multiples of this: no tile of attention then holds tokens of two of them, so that a
 * prompt's keys have the same bits wherever it lies. A multiple of every tile of both backends.
 */
const ALIGNMENT = 64;
/** Tokens of a pass, unless a single prompt has more. */
const PASS_TOKENS = 1024;
/** Recorded sizes that are kept. */
const KEPT = 4;

/** Tokens to read, and the pages that their keys and values go to. */
export interface Prompt {
  readonly ids: Uint32Array;
  readonly adapter: number;
  readonly pages: readonly number[];
}

/** A recorded pass over `tokens` tokens. */
interface Pass {
  readonly plan: Plan;
  readonly tokens: number;
  readonly inputs: Readonly<
    Record<"ids" | "start" | "end" | "choice" | "from" | "to", Tensor>
  >;
}

const aligned = (tokens: number) => Math.ceil(tokens / ALIGNMENT) * ALIGNMENT;
const powerOfTwo = (least: number) => 2 ** Math.ceil(Math.log2(Math.max(least, 1)));

/** Fills a cache. */
export class Prefill {
  /** By size, the longest unused first. */
  readonly #passes = new Map<number, Pass>();

  constructor(readonly cache: KvCache, readonly bank: AdapterBank | undefined) {}

  /** Reads prompts, in as few passes as they fit in. */
  run(prompts: readonly Prompt[]): void {
    let waiting = prompts;
    while (waiting.length > 0) {
      let tokens = 0;
      const fits = waiting.findIndex(({ ids }) => {
        const full = tokens > 0 && tokens + aligned(ids.length) > PASS_TOKENS;
        if (!full) tokens += aligned(ids.length);
        return full;
      });
      const count = fits < 0 ? waiting.length : fits;
      this.#read(waiting.slice(0, count), tokens);
      waiting = waiting.slice(count);
    }
  }

  /** Records the largest passes that prompts of up to `longest` tokens, `batch` at once, may need. */
  recordAll(longest: number, batch: number): void {
    if (longest === 0) return;
    const one = aligned(longest);
    const most = Math.max(one, Math.min(batch * one, PASS_TOKENS));
    const largest = powerOfTwo(most / ALIGNMENT);
    for (let size = largest, kept = 0; size >= 1 && kept < KEPT; size /= 2, kept++) {
      this.#pass(size * ALIGNMENT);
    }
  }

  #read(prompts: readonly Prompt[], needed: number): void {
    const { backend } = this.cache.model;
    const { plan, tokens, inputs } = this.#pass(powerOfTwo(needed / ALIGNMENT) * ALIGNMENT);
    const ids = new Uint32Array(tokens);
    const start = Uint32Array.from(ids, (_, n) => n);
    const end = Uint32Array.from(ids, (_, n) => n + 1);
    const choice = new Uint32Array(tokens).fill(NO_ADAPTER);
    const from = start.slice();
    const to = new Uint32Array(tokens).fill(IGNORED_ROW);
    let at = 0;
    for (const prompt of prompts) {
      const stop = at + prompt.ids.length;
      ids.set(prompt.ids, at);
      start.fill(at, at, stop);
      end.fill(stop, at, stop);
      choice.fill(prompt.adapter, at, stop);
      prompt.ids.forEach((_, t) => {
        to[at + t] = prompt.pages[Math.floor(t / PAGE)]! * PAGE + t % PAGE;
      });
      at += aligned(prompt.ids.length);
    }
    for (const [name, data] of Object.entries({ ids, start, end, choice, from, to })) {
      backend.write(inputs[name as keyof typeof inputs], data);
    }
    backend.replay(plan);
  }

  #pass(tokens: number): Pass {
    const pass = this.#passes.get(tokens) ?? this.#record(tokens);
    this.#passes.delete(tokens);
    this.#passes.set(tokens, pass);
    if (this.#passes.size > KEPT) {
      const [oldest, unused] = this.#passes.entries().next().value!;
      this.#passes.delete(oldest);
      this.#release(unused);
    }
    return pass;
  }

  #record(tokens: number): Pass {
    const { cache, bank } = this;
    const { backend } = cache.model;
    const make = (name: string) => backend.empty([tokens], "u32", `prefill.${name}`);
    const inputs = {
      ids: make("ids"),
      start: make("start"),
      end: make("end"),
      choice: make("choice"),
      from: make("from"),
      to: make("to"),
    };
    const model = bank ? bank.attach(cache.model, inputs.choice) : cache.model;
    const shape = headShape(model);
    const attend: Attend = (tape, q, k, v, layer) => {
      cache.store(layer, k, v, inputs.from, inputs.to);
      return attention(tape, q, k, v, inputs, shape);
    };
    const plan = backend.record(`prefill ${tokens}`, () => {
      backend.free(hidden(new Tape(backend, "inference"), model, inputs, {}, attend));
    });
    return { plan, tokens, inputs };
  }

  #release({ plan, inputs }: Pass): void {
    const backend: Backend = this.cache.model.backend;
    backend.release(plan);
    Object.values(inputs).forEach((tensor) => backend.free(tensor));
  }

  free(): void {
    this.#passes.forEach((pass) => this.#release(pass));
    this.#passes.clear();
  }
}
