// Cross-entropy of a chunk of tokens whose logits come a tile of the vocabulary at a time. The first pass
// folds the tiles into each token's maximum and sum, from the last tile to the first (Milakov & Gimelshein 2018,
// alg. 3); the second turns each into gradients, from the first on, whose logits are still there. The others' are
// formed again: the same, from the same numbers.

import { type Backend, type Tensor, view } from "../backend/backend.ts";
import { FOLD_WIDTH } from "../backend/kernels.ts";
import type { CrossEntropyChunk, CrossEntropyGradients } from "./cross_entropy.ts";
import { linearBackward, linearInto, type LinearSaved } from "./linear.ts";

/** Fills the chunk's nll, its entropy if wanted, and the gradients: those of parameters `+=`, dH `=`. */
export function tiledCrossEntropy(
  backend: Backend,
  chunk: CrossEntropyChunk,
  gradients: CrossEntropyGradients | undefined,
  tileColumns: number,
): void {
  const { h, targets, weight, nll } = chunk;
  const rows = h.shape[0]!, vocab = chunk.w.shape[0]!;
  // One place for the logits of every tile, however wide the last one is.
  const place = backend.empty([rows, tileColumns], "f32", "loss.logits");
  const state = backend.empty([rows, FOLD_WIDTH], "f32", "loss.state");
  const entropy = chunk.entropy ?? backend.empty([rows], "f32", "loss.entropy");

  const tiles = Array.from({ length: Math.ceil(vocab / tileColumns) }, (_, index) => {
    const first = index * tileColumns, cols = Math.min(tileColumns, vocab - first);
    /** Those rows of a [V, width] matrix that are the tile's columns of logits. */
    const part = (matrix: Tensor) => {
      const width = matrix.shape[1]!;
      return view(matrix, first * width, [cols, width]);
    };
    const lora = chunk.lora && { ...chunk.lora, b: part(chunk.lora.b) };
    const logits = view(place, 0, [rows, cols]);
    return { w: part(chunk.w), lora, part, logits, size: { rows, cols, first } };
  });
  const widest = tiles[0]!;

  let saved: LinearSaved = {};
  const release = () => saved.xa && backend.free(saved.xa);
  const project = ({ w, lora, logits }: typeof widest) => {
    release();
    saved = linearInto(backend, h, w, logits, lora);
  };

  for (const [index, tile] of tiles.toReversed().entries()) {
    project(tile);
    const { logits, size } = tile;
    const accumulate = index === 0 ? 0 : 1;
    const tensors = { logits, targets, state, nll, entropy };
    backend.run("cross_entropy_fold", tensors, { ...size, accumulate });
  }
  for (const tile of gradients ? tiles : []) {
    if (tile !== widest) project(tile);
    const { w, lora, part, logits, size } = tile;
    const { dH, dW, dA, dB } = gradients!;
    backend.run("cross_entropy_gradient", { logits, targets, weight, state }, size);
    const dX = { tensor: dH, accumulate: tile !== widest };
    const own = { dX, dW: dW && part(dW), dA, dB: dB && part(dB) };
    linearBackward(backend, h, w, logits, own, lora, saved);
  }
  release();
  [place, state].forEach((tensor) => backend.free(tensor));
  if (!chunk.entropy) backend.free(entropy);
}
