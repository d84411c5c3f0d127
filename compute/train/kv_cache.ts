// Keys and values of the tokens read so far, on the device: a pool of cells for each layer, one cell a token.
// A sequence has a run of cells for all that it may become, so short and long ones share the pool without waste.

import { type Backend, byteLength, type Tensor } from "../backend/backend.ts";
import { FreeList } from "../backend/cpu/allocator.ts";
import type { Model } from "../models/model.ts";

/** A run of cells. */
export interface CellRun {
  readonly address: number;
  readonly bytes: number;
}

/** The cache of one model. */
export class KvCache {
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
  readonly #free = new FreeList();

  /** `spare` cells more, from `cells` on, are not given out.
   *
   * @throws {RangeError} if a layer's keys are larger than a tensor may be. */
  constructor(readonly model: Model, cells: number, spare: number) {
    const { backend, config } = model;
    const width = config.num_key_value_heads * config.head_dim;
    const bytes = byteLength([cells + spare, width], "f32");
    if (bytes > backend.info.maxTensorBytes) {
      throw new RangeError(
        `Cannot cache ${cells} tokens: the keys of a layer take ${bytes} bytes, ` +
          `the device allows ${backend.info.maxTensorBytes}; lower the batch or the lengths`,
      );
    }
    const make = (what: string) =>
      model.blocks.map((_, i) =>
        backend.empty([cells + spare, width], "f32", `cache.${i}.${what}`)
      );
    this.keys = make("keys");
    this.values = make("values");
    this.#free.give({ address: 0, bytes: cells });
  }

  /** Takes a run of cells, or undefined where none is long enough. */
  take(cells: number): CellRun | undefined {
    const address = this.#free.take(cells);
    return address === undefined ? undefined : { address, bytes: cells };
  }

  give(run: CellRun): void {
    this.#free.give(run);
  }

  /** Stores k and v [N, K·D] of a layer: row from[i] goes to cell to[i]. */
  store(layer: number, k: Tensor, v: Tensor, from: Tensor, to: Tensor): void {
    const backend: Backend = this.model.backend;
    const params = { rows: to.shape[0]!, cols: k.shape[1]! };
    backend.run("copy_rows", { x: k, from, to, y: this.keys[layer]! }, params);
    backend.run("copy_rows", { x: v, from, to, y: this.values[layer]! }, params);
  }

  free(): void {
    [...this.keys, ...this.values].forEach((tensor) => this.model.backend.free(tensor));
  }
}
