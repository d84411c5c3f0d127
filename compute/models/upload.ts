// Weights on their way to a device, part by part: the host never holds more of them than a few parts.

import { type Backend, type Tensor, view } from "../backend/backend.ts";
import type { WeightSource } from "./weights.ts";

/** Bytes under way before the device is waited for: it may keep what it is given until then. */
const PENDING_BYTES = 32 << 20;

/** Writes weights to a device. */
export class Upload {
  #pending = 0;

  constructor(readonly backend: Backend) {}

  /** Fills a tensor with the weight of that name. */
  async write(
    tensor: Tensor,
    weights: WeightSource,
    name: string,
    dtype: "f32" | "bf16",
  ): Promise<void> {
    if (!weights.parts) {
      this.backend.write(tensor, await weights.read(name, dtype));
      return;
    }
    for await (const { at, data } of weights.parts(name, dtype)) {
      const elements = dtype === "bf16" ? data.length * 2 : data.length;
      // A packed row of odd length ends in half a word.
      const rest = tensor.shape.reduce((product, n) => product * n, 1) - at;
      this.backend.write(view(tensor, at, [Math.min(elements, rest)], name), data);
      this.#pending += data.byteLength;
      if (this.#pending < PENDING_BYTES) continue;
      await this.backend.sync();
      this.#pending = 0;
    }
  }
}
