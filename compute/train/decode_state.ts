// What the device knows of the rows of a decoding batch: the host writes it before a block of steps, the
// kernels move it on, and the tokens come back together in a ring.

import { type Backend, type Tensor, view } from "../backend/backend.ts";
import { IGNORED_TARGET, MAX_STOPS, PAGE, SAMPLE_OPTIONS } from "../backend/kernels.ts";

/** Rows are padded to this many, so that every field starts at an aligned address on every device. */
const ALIGNMENT = 64;

/** Numbers of a row in a u32 tensor of [FIELDS, stride]. */
const FIELDS = [
  "ids",
  "start",
  "prompt",
  "last",
  "tick",
  "left",
  "choice",
  "row",
] as const;

/** One row before a block of steps. */
export interface RowState {
  /** The token to read next. */
  readonly token: number;
  /** Tokens of its prompt in the cache, and of its own behind them: this token comes next. */
  readonly prompt: number;
  readonly read: number;
  /** The prompt's pages, then its own, which have room for what it may draw in the block. */
  readonly pages: readonly number[];
  /** Tokens that it may still draw; 0 for a row that only fills up the batch. */
  readonly left: number;
  /** Its adapter. */
  readonly choice: number;
  readonly stops: readonly number[];
  /** Temperature, top_k, top_p, min_p. */
  readonly options: readonly number[];
  /** Uniform numbers in [0, 1) for its next tokens. */
  readonly uniforms: readonly number[];
}

/** A token that was drawn, and the logarithm of its probability. */
export interface DrawnToken {
  readonly id: number;
  readonly logprob: number;
}

/** State of up to `batch` rows over blocks of up to `steps` steps. */
export class DecodeState {
  readonly stride: number;
  readonly #integers: Tensor;
  readonly #options: Tensor;
  readonly #uniforms: Tensor;
  readonly #stops: Tensor;
  readonly #ring: Tensor;
  readonly #pages: Tensor;

  constructor(
    readonly backend: Backend,
    readonly batch: number,
    readonly steps: number,
    readonly width: number,
  ) {
    this.stride = Math.ceil(batch / ALIGNMENT) * ALIGNMENT;
    const { stride } = this;
    this.#integers = backend.empty([FIELDS.length, stride], "u32", "decode.rows");
    this.#options = backend.empty([stride, SAMPLE_OPTIONS], "f32", "decode.options");
    this.#uniforms = backend.empty([steps, stride], "f32", "decode.uniforms");
    this.#stops = backend.empty([stride, MAX_STOPS], "u32", "decode.stops");
    this.#ring = backend.empty([steps, stride, 2], "u32", "decode.ring");
    this.#pages = backend.empty([batch, width], "u32", "decode.pages");
  }

  /** The pages of the first `rows` rows, u32[rows, width]. */
  pages(rows: number): Tensor {
    return view(this.#pages, 0, [rows, this.width], "decode.pages");
  }

  /** One number of the first `rows` rows, u32[rows]. */
  field(name: typeof FIELDS[number], rows: number): Tensor {
    const at = FIELDS.indexOf(name) * this.stride;
    return view(this.#integers, at, [rows], `decode.${name}`);
  }

  /** Draws from `logits` [rows, V], which is lost, and moves the rows on. */
  record(logits: Tensor): void {
    const { backend, stride } = this;
    const [rows, cols] = logits.shape as [number, number];
    const drawn = backend.empty([rows, 2], "u32", "decode.drawn");
    const field = (name: typeof FIELDS[number]) => this.field(name, rows);
    backend.run("sample", {
      logits,
      options: this.#options,
      uniform: this.#uniforms,
      tick: field("tick"),
      drawn,
    }, { rows, cols, stride });
    backend.run("advance", {
      drawn,
      stops: this.#stops,
      tick: field("tick"),
      left: field("left"),
      ids: field("ids"),
      start: field("start"),
      last: field("last"),
      ring: this.#ring,
    }, { rows, stride });
    backend.free(drawn);
  }

  /** Says what the rows are before a block. */
  write(rows: readonly RowState[]): void {
    const { backend, stride, width } = this;
    const integers = new Uint32Array(FIELDS.length * stride);
    const pages = new Uint32Array(rows.length * width);
    const options = new Float32Array(stride * SAMPLE_OPTIONS);
    const uniforms = new Float32Array(this.steps * stride);
    const stops = new Uint32Array(stride * MAX_STOPS).fill(IGNORED_TARGET);
    rows.forEach((row, m) => {
      const { token, prompt, read, left, choice } = row;
      // Rope takes the position m − start, modulo 2³².
      const start = m - (prompt + read);
      const last = Math.ceil(prompt / PAGE) * PAGE + read;
      const values = [token, start, prompt, last, 0, left, choice, m];
      values.forEach((value, field) => integers[field * stride + m] = value);
      pages.set(row.pages, m * width);
      options.set(row.options, m * SAMPLE_OPTIONS);
      stops.set(row.stops, m * MAX_STOPS);
      row.uniforms.forEach((u, t) => uniforms[t * stride + m] = u);
    });
    backend.write(this.#integers, integers);
    backend.write(this.#pages, pages);
    backend.write(this.#options, options);
    backend.write(this.#uniforms, uniforms);
    backend.write(this.#stops, stops);
  }

  /** The tokens drawn in a block of `steps` steps by rows that were written as `rows`. */
  async read(rows: readonly RowState[], steps: number): Promise<DrawnToken[][]> {
    const part = view(this.#ring, 0, [steps, this.stride, 2], "decode.ring");
    const words = await this.backend.read(part) as Uint32Array;
    const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
    return rows.map(({ left, stops }, m) => {
      const tokens: DrawnToken[] = [];
      for (let t = 0; t < Math.min(steps, left); t++) {
        const at = (t * this.stride + m) * 2;
        tokens.push({ id: words[at]!, logprob: floats[at + 1]! });
        if (stops.includes(words[at]!)) break;
      }
      return tokens;
    });
  }

  free(): void {
    [this.#integers, this.#options, this.#uniforms, this.#stops, this.#ring, this.#pages]
      .forEach((tensor) => this.backend.free(tensor));
  }
}
