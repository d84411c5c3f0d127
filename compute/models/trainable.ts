// All trained parameters in flat buffers: values, gradients and AdamW's two moments. Clipping and the
// update are then a handful of kernels, whatever the number of matrices.

import { type Backend, size, type Tensor, view } from "../backend/backend.ts";
import { type AdamWState, adamwUpdate, gradientSumOfSquares } from "../ops/optimizer.ts";

/** One trained parameter: its value and its gradient, both f32 views of flat buffers. */
export interface Parameter {
  readonly name: string;
  readonly value: Tensor;
  readonly gradient: Tensor;
}

/** Parameters start at multiples of this many elements: 256 bytes, the strictest binding alignment of WebGPU. */
const ALIGNMENT = 64;

interface Slab extends AdamWState {
  readonly lrScale: number;
}

/** What a parameter is called, its shape, and by how much its learning rate is scaled. */
export interface ParameterShape {
  readonly name: string;
  readonly shape: readonly number[];
  /** Factor on the learning rate; 1 unless said otherwise. */
  readonly lrScale?: number;
  /** Parameters of one stack have one shape and lie next to each other. */
  readonly stack?: string | undefined;
}

/** What is laid out as one piece: a parameter, or all of a stack. */
interface Piece {
  readonly stack?: string | undefined;
  readonly parts: readonly ParameterShape[];
  readonly elements: number;
}

/** Parameters with those of a stack gathered where its first one is. */
function piecesOf(shapes: readonly ParameterShape[]): Piece[] {
  const pieces = new Map<string, ParameterShape[]>();
  for (const shape of shapes) {
    const key = shape.stack === undefined ? `parameter ${shape.name}` : `stack ${shape.stack}`;
    const parts = pieces.get(key);
    if (parts) parts.push(shape);
    else pieces.set(key, [shape]);
  }
  return [...pieces.values()].map((parts) => ({
    stack: parts[0]!.stack,
    parts,
    elements: parts.reduce((sum, { shape }) => sum + shape.reduce((n, d) => n * d, 1), 0),
  }));
}

/** The trained parameters of a run. */
export class TrainableSet {
  readonly #parameters = new Map<string, Parameter>();
  readonly #stacks = new Map<string, Parameter>();
  readonly #slabs: Slab[] = [];

  /** Lays the parameters out in order: one slab for each learning-rate scale, more where a device limits buffers. */
  constructor(readonly backend: Backend, shapes: readonly ParameterShape[]) {
    const scales = [...new Set(shapes.map((s) => s.lrScale ?? 1))];
    const limit = Math.floor(backend.info.maxTensorBytes / 4);
    for (const lrScale of scales) {
      let members: { piece: Piece; offset: number }[] = [];
      let length = 0;
      for (const piece of piecesOf(shapes.filter((s) => (s.lrScale ?? 1) === lrScale))) {
        const padded = Math.ceil(piece.elements / ALIGNMENT) * ALIGNMENT;
        if (length + padded > limit && length > 0) {
          this.#addSlab(members, length, lrScale);
          members = [];
          length = 0;
        }
        members.push({ piece, offset: length });
        length += padded;
      }
      if (length > 0) this.#addSlab(members, length, lrScale);
    }
  }

  #addSlab(
    members: readonly { piece: Piece; offset: number }[],
    length: number,
    lrScale: number,
  ): void {
    const make = (label: string) => {
      const tensor = this.backend.empty([length], "f32", `trainable.${label}`);
      this.backend.run("fill", { y: tensor }, { n: length, value: 0 });
      return tensor;
    };
    const slab = { p: make("p"), g: make("g"), m: make("m"), v: make("v"), lrScale };
    this.#slabs.push(slab);
    const parameter = (name: string, offset: number, shape: readonly number[]): Parameter => ({
      name,
      value: view(slab.p, offset, shape, name),
      gradient: view(slab.g, offset, shape, `d(${name})`),
    });
    for (const { piece: { stack, parts, elements }, offset } of members) {
      const each = elements / parts.length;
      parts.forEach(({ name, shape }, i) =>
        this.#parameters.set(name, parameter(name, offset + i * each, shape))
      );
      if (stack === undefined) continue;
      this.#stacks.set(stack, parameter(stack, offset, [parts.length, ...parts[0]!.shape]));
    }
  }

  /** Parameters in the order they were given. */
  get parameters(): readonly Parameter[] {
    return [...this.#parameters.values()];
  }

  /** Number of trained values, padding not counted. */
  get count(): number {
    return this.parameters.reduce((sum, p) => sum + size(p.value), 0);
  }

  /** A parameter by name, or undefined if it is not trained. */
  get(name: string): Parameter | undefined {
    return this.#parameters.get(name);
  }

  /** All parameters of a stack as one, [parameters, …their shape], or undefined if they are not trained. */
  stack(name: string): Parameter | undefined {
    return this.#stacks.get(name);
  }

  /** Bytes of values, gradients and moments on the device. */
  get bytes(): number {
    return this.#slabs.reduce((sum, slab) => sum + 4 * slab.p.storage.bytes, 0);
  }

  /** sumsq[0] = squared norm of all gradients. */
  sumOfSquares(sumsq: Tensor): void {
    gradientSumOfSquares(this.backend, this.#slabs.map((slab) => slab.g), sumsq);
  }

  /** Clips, updates every parameter, zeroes the gradients. */
  update(hyper: Tensor, sumsq: Tensor): void {
    for (const { lrScale, ...state } of this.#slabs) {
      adamwUpdate(this.backend, state, hyper, sumsq, lrScale);
    }
  }

  /** Values and moments, slab by slab, as a checkpoint keeps them. */
  async state(): Promise<Float32Array[]> {
    const arrays: Float32Array[] = [];
    for (const { p, m, v } of this.#slabs) {
      for (const tensor of [p, m, v]) {
        arrays.push(await this.backend.read(tensor) as Float32Array);
      }
    }
    return arrays;
  }

  /**
   * Puts a stored state back.
   *
   * @throws {RangeError} if it belongs to other parameters.
   */
  restore(arrays: readonly Float32Array[]): void {
    const tensors = this.#slabs.flatMap(({ p, m, v }) => [p, m, v]);
    const lengths = tensors.map(size);
    if (arrays.map((a) => a.length).join() !== lengths.join()) {
      throw new RangeError(
        `Cannot restore the optimiser: the checkpoint has arrays of [${
          arrays.map((a) => a.length)
        }], ` +
          `this run needs [${lengths}]`,
      );
    }
    tensors.forEach((tensor, i) => this.backend.write(tensor, arrays[i]!));
  }

  /** Frees the flat buffers. */
  free(): void {
    for (const { p, g, m, v } of this.#slabs) [p, g, m, v].forEach((t) => this.backend.free(t));
  }
}
