// Keys and values of the tokens read so far, on the device: a pool of cells for each layer, one cell a token, in
// pages that sequences take as they grow (Kwon et al. 2023, "PagedAttention"), so that they share the pool without
// waste and those of one prompt have its pages together.

import { type Backend, byteLength, type Tensor } from "../backend/backend.ts";
import { PAGE } from "../backend/kernels.ts";
import type { Model } from "../models/model.ts";
import { PagePool } from "./page_pool.ts";

/** The cache of one model. */
export class KvCache {
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
  /** Who has which pages. Page 0 belongs to rows that only fill up a batch: it holds zeros. */
  readonly pool: PagePool;

  /** @throws {RangeError} if a layer's keys are larger than a tensor may be. */
  constructor(readonly model: Model, pages: number) {
    const { backend, config } = model;
    const width = config.num_key_value_heads * config.head_dim;
    const cells = (1 + pages) * PAGE;
    const bytes = byteLength([cells, width], "f32");
    if (bytes > backend.info.maxTensorBytes) {
      throw new RangeError(
        `Cannot cache ${pages * PAGE} tokens: the keys of a layer take ${bytes} bytes, ` +
          `the device allows ${backend.info.maxTensorBytes}; lower the batch or the lengths`,
      );
    }
    const make = (what: string) =>
      model.blocks.map((_, i) => {
        const tensor = backend.empty([cells, width], "f32", `cache.${i}.${what}`);
        backend.write(tensor, new Float32Array(PAGE * width));
        return tensor;
      });
    this.keys = make("keys");
    this.values = make("values");
    this.pool = new PagePool(1, pages);
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
