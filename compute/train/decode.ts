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

/** A row that only fills up a batch. It sees a token of page 0 and writes nothing. */
const IDLE: RowState = {
  token: 0,
  prompt: 0,
  read: 0,
  pages: [],
  left: 0,
  choice: 0,
  stops: [],
  options: [0, 0, 1, 0],
  uniforms: [],
};

/** Decodes up to `batch` rows, up to `steps` tokens each before the host looks. */
export class Decoder {
  readonly #state: DecodeState;
  readonly #plans = new Map<number, Plan>();

  /** A row has up to `width` pages. */
  constructor(
    readonly cache: KvCache,
    readonly bank: AdapterBank | undefined,
    readonly batch: number,
    readonly steps: number,
    width: number,
  ) {
    this.#state = new DecodeState(cache.model.backend, batch, steps, width);
  }

  /** Continues each row by up to {@linkcode steps} tokens. */
  async run(rows: readonly RowState[]): Promise<DrawnToken[][]> {
    const size = Math.min(2 ** Math.ceil(Math.log2(rows.length)), this.batch);
    const plan = this.#plans.get(size) ?? this.#record(size);
    const filled = Array.from({ length: size }, (_, m) => rows[m] ?? IDLE);
    this.#state.write(filled);
    const steps = Math.min(this.steps, Math.max(...rows.map(({ left }) => left)));
    this.cache.model.backend.replay(...Array<Plan>(steps).fill(plan));
    return await this.#state.read(rows, steps);
  }

  /** Records the steps of every size. */
  recordAll(): void {
    for (let size = 1; size < this.batch; size *= 2) this.#record(size);
    this.#record(this.batch);
  }

  #record(rows: number): Plan {
    const { cache, bank } = this;
    const { backend } = cache.model;
    const field = (name: Parameters<DecodeState["field"]>[0]) => this.#state.field(name, rows);
    const model = bank ? bank.attach(cache.model, field("choice")) : cache.model;
    const shape = headShape(model);
    const [row, left, last, prompt] = [field("row"), field("left"), field("last"), field("prompt")];
    const pages = this.#state.pages(rows);
    const plan = backend.record(`decode ${rows}`, () => {
      const cell = backend.empty([rows], "u32", "decode.cell");
      backend.run("find_cells", { pages, last, left, cell }, { rows, width: pages.shape[1]! });
      const attend: Attend = (_, q, k, v, layer) => {
        cache.store(layer, k, v, row, cell);
        const keys = { k: cache.keys[layer]!, v: cache.values[layer]!, pages, prompt, last };
        return attentionCached(backend, q, keys, shape);
      };
      const inputs = { ids: field("ids"), start: field("start"), end: field("start") };
      const h = hidden(new Tape(backend, "inference"), model, inputs, {}, attend);
      backend.free(cell);
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
