// Weights that are not trained, on a device: in f32, in bf16, or the projections' matrices in 4 bits.

import { type Backend, byteLength, type Tensor, view } from "../backend/backend.ts";
import { NF4_BLOCK, NF4_GROUP } from "../backend/kernels.ts";
import type { Matrix, Nf4Matrix } from "../ops/matrix.ts";
import { expertStack, type ModelConfig } from "./config.ts";
import { LEVELS } from "./nf4.ts";
import { Upload } from "./upload.ts";
import type { WeightSource } from "./weights.ts";

/** How frozen weights are stored; under nf4 what is no projection's matrix is bf16, as in QLoRA. */
export type FrozenType = "f32" | "bf16" | "nf4";

/** Matrices that are quantised: neither embeddings, nor the output projection, nor routers. */
const QUANTISED = /\.(q|k|v|o|gate|up|down)_proj\.weight$/;

/** Frozen weights by name. Those of a layer's experts are one matrix, [experts, outputs, inputs]. */
export class FrozenWeights {
  readonly #matrices = new Map<string, Matrix>();
  readonly #upload: Upload;
  #levels: Tensor | undefined;

  constructor(
    readonly backend: Backend,
    readonly config: ModelConfig,
    readonly dtype: FrozenType,
  ) {
    this.#upload = new Upload(backend);
  }

  /** Reads a weight into its place, which is made with the first weight that lies there. */
  async load(name: string, shape: readonly number[], weights: WeightSource): Promise<void> {
    const stack = expertStack(name);
    const place = stack ?? name;
    let matrix = this.#matrices.get(place);
    if (!matrix) {
      const whole = stack === undefined ? shape : [this.config.experts!.num_experts, ...shape];
      matrix = this.#empty(whole, place, name);
      this.#matrices.set(place, matrix);
    }
    const index = stack === undefined ? 0 : Number(/\.experts\.(\d+)\./.exec(name)![1]);
    const elements = shape.reduce((product, n) => product * n, 1);
    if ("codes" in matrix) {
      return await this.#upload.writeNf4(part(matrix, index, elements), weights, name);
    }
    const tensor = view(matrix, index * elements, shape, name);
    await this.#upload.write(tensor, weights, name, matrix.dtype === "f32" ? "f32" : "bf16");
  }

  #empty(shape: readonly number[], place: string, name: string): Matrix {
    const { backend, dtype } = this;
    if (dtype !== "nf4" || !QUANTISED.test(name)) {
      // Vectors stay f32: they are few, and kernels then read one type.
      const stored = dtype === "f32" || shape.length === 1 || shape.at(-1)! % 2 !== 0;
      return backend.empty(shape, stored ? "f32" : "bf16", place);
    }
    const [outputs, inputs] = shape.slice(-2) as [number, number];
    const matrices = shape.length === 3 ? shape[0]! : 1;
    const lengths = nf4Lengths(outputs * inputs);
    const empty = (kind: keyof typeof lengths, type: "u32" | "f32") =>
      backend.empty([matrices * lengths[kind]], type, `${place}.${kind}`);
    if (!this.#levels) {
      this.#levels = backend.empty([LEVELS.length], "f32", "nf4.levels");
      backend.write(this.#levels, LEVELS);
    }
    return {
      shape,
      label: place,
      codes: empty("codes", "u32"),
      scales: empty("scales", "u32"),
      ranges: empty("ranges", "f32"),
      levels: this.#levels,
    };
  }

  /** The matrix of a projection, or a stack of them. */
  matrix(name: string): Matrix {
    return this.#matrices.get(name)!;
  }

  /** A weight that is never quantised. */
  tensor(name: string): Tensor {
    return this.#matrices.get(name) as Tensor;
  }

  get bytes(): number {
    return this.#tensors().reduce((n, t) => n + byteLength(t.shape, t.dtype), 0);
  }

  free(): void {
    this.#tensors().forEach((tensor) => this.backend.free(tensor));
  }

  #tensors(): Tensor[] {
    const each = [...this.#matrices.values()].flatMap((matrix) =>
      "codes" in matrix ? [matrix.codes, matrix.scales, matrix.ranges] : [matrix]
    );
    return this.#levels ? [...each, this.#levels] : each;
  }
}

/** Words of one matrix. */
function nf4Lengths(elements: number) {
  const blocks = Math.ceil(elements / NF4_BLOCK);
  return {
    codes: Math.ceil(elements / 8),
    scales: Math.ceil(blocks / 4),
    ranges: 1 + Math.ceil(blocks / NF4_GROUP),
  };
}

/** One matrix of a stack. */
function part(matrix: Nf4Matrix, index: number, elements: number): Nf4Matrix {
  const lengths = nf4Lengths(elements);
  const of = (kind: keyof typeof lengths) =>
    view(matrix[kind], index * lengths[kind], [lengths[kind]]);
  return { ...matrix, codes: of("codes"), scales: of("scales"), ranges: of("ranges") };
}
