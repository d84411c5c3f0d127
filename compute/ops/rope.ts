// Rotary position embedding (Su et al. 2021, eq. 34, in the half-split form of Hugging Face), in place.
// x [N, H·D]; a token's position is its index within its sequence.

import type { Backend, Tensor } from "../backend/backend.ts";

/** Scaling of the frequencies as in Llama 3.1: config.json's `rope_type: "llama3"`. */
export interface Llama3RopeScaling {
  readonly rope_type: "llama3";
  readonly factor: number;
  readonly low_freq_factor: number;
  readonly high_freq_factor: number;
  readonly original_max_position_embeddings: number;
}

/** Inverse frequencies [D/2]: theta^(−2i/D), stretched for long wavelengths under `llama3` scaling. */
export function inverseFrequencies(
  headDim: number,
  theta: number,
  scaling?: Llama3RopeScaling,
): Float64Array {
  return Float64Array.from({ length: headDim / 2 }, (_, i) => {
    const frequency = theta ** (-2 * i / headDim);
    if (!scaling) return frequency;
    const { factor, low_freq_factor: low, high_freq_factor: high } = scaling;
    const turns = scaling.original_max_position_embeddings * frequency / (2 * Math.PI);
    if (turns < low) return frequency / factor;
    if (turns > high) return frequency;
    const smooth = (turns - low) / (high - low);
    return (1 - smooth) * frequency / factor + smooth * frequency;
  });
}

/** The table that the kernel reads, [positions, D]: D/2 cosines, then D/2 sines. */
export function ropeTable(positions: number, frequencies: Float64Array): Float32Array {
  const half = frequencies.length;
  const table = new Float32Array(positions * half * 2);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      // PyTorch forms the angle in f32; so do we, for the same low bits at long positions.
      const angle = Math.fround(position * Math.fround(frequencies[i]!));
      table[position * half * 2 + i] = Math.cos(angle);
      table[position * half * 2 + half + i] = Math.sin(angle);
    }
  }
  return table;
}

/** Rotates x in place. */
export function ropeForward(
  backend: Backend,
  x: Tensor,
  start: Tensor,
  table: Tensor,
  headDim: number,
): void {
  rotate(backend, x, start, table, headDim, 1);
}

/** Rotates a gradient back, in place. */
export function ropeBackward(
  backend: Backend,
  dX: Tensor,
  start: Tensor,
  table: Tensor,
  headDim: number,
): void {
  rotate(backend, dX, start, table, headDim, -1);
}

function rotate(
  backend: Backend,
  x: Tensor,
  start: Tensor,
  table: Tensor,
  headDim: number,
  direction: 1 | -1,
): void {
  const [tokens, width] = x.shape as [number, number];
  backend.run("rope", { x, start, table }, {
    tokens,
    heads: width / headDim,
    head_dim: headDim,
    direction,
  });
}
