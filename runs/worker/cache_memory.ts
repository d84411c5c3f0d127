// How many pages of keys and values a generator gets: as many as its sequences can use, within bounds.

import { PAGE } from "../../compute/backend/kernels.ts";
import type { ModelConfig } from "../../compute/models/config.ts";

/** Bytes of keys and values, at most. The cpu backend has 4 GiB for everything. */
const CACHE_BYTES = { cpu: 2 ** 30, webgpu: 2 ** 32 } as const;

type CacheShape = Pick<ModelConfig, "num_hidden_layers" | "num_key_value_heads" | "head_dim">;

/** Bytes of a page in all layers. */
export function pageBytes(config: CacheShape): number {
  return config.num_hidden_layers * 2 * layerBytes(config);
}

/** Pages that a device gives to keys and values, beside the one of rows that fill up a batch. */
export function mostPages(
  config: CacheShape,
  { kind, maxTensorBytes }: { readonly kind: "cpu" | "webgpu"; readonly maxTensorBytes: number },
): number {
  const inAll = CACHE_BYTES[kind] / pageBytes(config);
  return Math.floor(Math.min(inAll, maxTensorBytes / layerBytes(config))) - 1;
}

/** Bytes of a page's keys in one layer. */
function layerBytes({ num_key_value_heads, head_dim }: CacheShape): number {
  return num_key_value_heads * head_dim * PAGE * 4;
}
