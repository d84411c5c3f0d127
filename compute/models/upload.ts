// Weights on their way to a device, part by part: the host never holds more of them than a few parts.

import { type Backend, type HostArray, type Tensor, view } from "../backend/backend.ts";
import type { Nf4Matrix } from "../ops/matrix.ts";
import { quantizeScales, quantizeValues } from "./nf4.ts";
import type { WeightPart, WeightSource } from "./weights.ts";

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
      await this.#send(view(tensor, at, [Math.min(elements, rest)], name), data);
    }
  }

  /** Fills a matrix in 4 bits; the scales wait on the host until all are known. */
  async writeNf4(matrix: Nf4Matrix, weights: WeightSource, name: string): Promise<void> {
    const blocks: Float32Array[] = [];
    for await (const { at, data } of partsOf(weights, name)) {
      const { codes, scales } = quantizeValues(data as Float32Array);
      blocks.push(scales);
      await this.#send(view(matrix.codes, at / 8, [codes.length], name), codes);
    }
    const all = new Float32Array(blocks.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const scales of blocks) {
      all.set(scales, at);
      at += scales.length;
    }
    const { scales, ranges } = quantizeScales(all);
    this.backend.write(matrix.scales, scales);
    this.backend.write(matrix.ranges, ranges);
  }

  async #send(tensor: Tensor, data: HostArray): Promise<void> {
    this.backend.write(tensor, data);
    this.#pending += data.byteLength;
    if (this.#pending < PENDING_BYTES) return;
    await this.backend.sync();
    this.#pending = 0;
  }
}

/** A weight in f32, in parts of whole blocks. */
async function* partsOf(weights: WeightSource, name: string): AsyncIterable<WeightPart> {
  if (weights.parts) yield* weights.parts(name, "f32");
  else yield { at: 0, data: await weights.read(name, "f32") };
}
