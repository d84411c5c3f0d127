// Steps of decoding: each reads one token a row, attends to the row's cells of the cache, draws the next token and
// notices a row's end, all on the device. A step is recorded once for each size of batch (a power of two).

import type { Plan } from "../backend/backend.ts";
import type { AdapterBank } from "../models/adapter_bank.ts";
import { type Attend, headShape, hidden } from "../models/transformer.ts";
import { attentionCached } from "../ops/attention.ts";
import { linearForward } from "../ops/linear.ts";
import { Tape } from "../tape.ts";
import { DecodeState, type DrawnToken, type RowState } from "./decode_state.ts";
import type { KvCache } from "./kv_cache.ts";

/** Decodes up to `batch` rows, up to `steps` tokens each before the host looks. */
export class Decoder {
  readonly #state: DecodeState;
  readonly #plans = new Map<number, Plan>();

  /** The cache's cells from `spare` on, `batch` of them, belong to rows that only fill up a batch. */
  constructor(
    readonly cache: KvCache,
    readonly bank: AdapterBank | undefined,
    readonly batch: number,
    readonly steps: number,
    readonly spare: number,
  ) {
    this.#state = new DecodeState(cache.model.backend, batch, steps);
  }

  /** Continues each row by up to {@linkcode steps} tokens. */
  async run(rows: readonly RowState[]): Promise<DrawnToken[][]> {
    const size = Math.min(2 ** Math.ceil(Math.log2(rows.length)), this.batch);
    const plan = this.#plans.get(size) ?? this.#record(size);
    const filled = Array.from({ length: size }, (_, m) => rows[m] ?? this.#idle(m));
    this.#state.write(filled);
    const steps = Math.min(this.steps, Math.max(...rows.map(({ left }) => left)));
    for (let t = 0; t < steps; t++) this.cache.model.backend.replay(plan);
    return await this.#state.read(rows, steps);
  }

  /** Records the steps of every size. */
  recordAll(): void {
    for (let size = 1; size < this.batch; size *= 2) this.#record(size);
    this.#record(this.batch);
  }

  #idle(row: number): RowState {
    const cell = this.spare + row;
    const options = [0, 0, 1, 0];
    return {
      token: 0,
      prefix: 0,
      prefixEnd: 0,
      first: cell,
      last: cell,
      left: 0,
      choice: 0,
      stops: [],
      options,
      uniforms: [],
    };
  }

  #record(rows: number): Plan {
    const { cache, bank } = this;
    const { backend } = cache.model;
    const field = (name: Parameters<DecodeState["field"]>[0]) => this.#state.field(name, rows);
    const model = bank ? bank.attach(cache.model, field("choice")) : cache.model;
    const shape = headShape(model);
    const last = field("last"), row = field("row");
    const cells = {
      prefix: field("prefix"),
      prefix_end: field("prefix_end"),
      first: field("first"),
      last,
    };
    const attend: Attend = (_, q, k, v, layer) => {
      cache.store(layer, k, v, row, last);
      const keys = { k: cache.keys[layer]!, v: cache.values[layer]!, ...cells };
      return attentionCached(backend, q, keys, shape);
    };
    const plan = backend.record(`decode ${rows}`, () => {
      const inputs = { ids: field("ids"), start: field("start"), end: field("start") };
      const h = hidden(new Tape(backend, "inference"), model, inputs, {}, attend);
      const { head } = model;
      const { y: logits, xa } = linearForward(backend, h, head.weight, head.lora);
      backend.free(h);
      if (xa) backend.free(xa);
      this.#state.record(logits);
      backend.free(logits);
    });
    this.#plans.set(rows, plan);
    return plan;
  }

  free(): void {
    this.#plans.forEach((plan) => this.cache.model.backend.release(plan));
    this.#state.free();
  }
}
