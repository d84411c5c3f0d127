// Cross-entropy fused with the output projection, in chunks of tokens: the [N, V] logits never exist
// (as in Liger-Kernel's fused linear cross-entropy, Hsu et al. 2024, §3.2). The gradient is formed while a
// chunk's logits are at hand, so forward and backward are one pass. A large vocabulary is cut too.

import { type Backend, type Tensor, view } from "../backend/backend.ts";
import { tiledCrossEntropy } from "./cross_entropy_tiles.ts";
import { linearBackward, linearForward, type LoraWeights } from "./linear.ts";

/** Tokens per chunk: a multiple of 64, so that row views stay aligned to 256 bytes on every device. */
export const CHUNK_TOKENS = 256;

/**
 * Logits of a token that exist at once: a vocabulary of more comes in tiles of as many, so that a chunk has
 * 67 MB of logits at most, whatever the vocabulary. A backward pass then needs the logits of all tiles but one a
 * second time: with V columns 1 − TILE_COLUMNS / V of one more forward product with the output projection, half of
 * it at 128,256. A multiple of 64, as above.
 */
export const TILE_COLUMNS = 65_536;

/** What the loss is computed from. h [N, C], w [V, C], targets u32[N], weight [N]. */
export interface CrossEntropyInput {
  readonly h: Tensor;
  readonly w: Tensor;
  readonly lora?: LoraWeights | undefined;
  readonly targets: Tensor;
  readonly weight: Tensor;
  /** [N]: where the entropy of each token's distribution goes, if it is wanted. */
  readonly entropy?: Tensor | undefined;
}

/** Gradients to form; none of them for an evaluation. */
export interface CrossEntropyGradients {
  /** dH =, [N, C]. */
  readonly dH: Tensor;
  readonly dW?: Tensor | undefined;
  readonly dA?: Tensor | undefined;
  readonly dB?: Tensor | undefined;
}

/** nll [N] in nats, 0 where ignored; with `gradients`, also those of Σ weight · nll. */
export function crossEntropy(
  backend: Backend,
  { h, w, lora, targets, weight, entropy }: CrossEntropyInput,
  gradients?: CrossEntropyGradients,
  tileColumns: number = TILE_COLUMNS,
): Tensor {
  const [tokens, width] = h.shape as [number, number];
  const nll = backend.empty([tokens], "f32", "nll");
  for (let from = 0; from < tokens; from += CHUNK_TOKENS) {
    const rows = Math.min(CHUNK_TOKENS, tokens - from);
    const chunk = {
      h: view(h, from * width, [rows, width], "hidden.chunk"),
      w,
      lora,
      targets: view(targets, from, [rows]),
      weight: view(weight, from, [rows]),
      entropy: entropy && view(entropy, from, [rows]),
      nll: view(nll, from, [rows]),
    };
    const own = gradients && {
      ...gradients,
      dH: view(gradients.dH, from * width, [rows, width], "dHidden.chunk"),
    };
    if (w.shape[0]! > tileColumns) tiledCrossEntropy(backend, chunk, own, tileColumns);
    else wholeCrossEntropy(backend, chunk, own);
  }
  return nll;
}

/** A chunk's part of {@linkcode crossEntropy}, with a place for its nll. */
export type CrossEntropyChunk = CrossEntropyInput & { readonly nll: Tensor };

/** A chunk with all of its logits at once. */
function wholeCrossEntropy(
  backend: Backend,
  { h, w, lora, targets, weight, entropy, nll }: CrossEntropyChunk,
  gradients?: CrossEntropyGradients,
): void {
  const size = { rows: h.shape[0]!, cols: w.shape[0]! };
  const { y: logits, xa } = linearForward(backend, h, w, lora);
  if (entropy) backend.run("entropy", { logits, entropy }, size);
  const backward = gradients ? 1 : 0;
  backend.run("cross_entropy", { logits, targets, weight, nll }, { ...size, backward });
  if (gradients) {
    const { dH, dW, dA, dB } = gradients;
    const dX = { tensor: dH, accumulate: false };
    linearBackward(backend, h, w, logits, { dX, dW, dA, dB }, lora, { xa });
  }
  backend.free(logits);
  if (xa) backend.free(xa);
}
