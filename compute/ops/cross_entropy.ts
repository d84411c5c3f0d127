// Cross-entropy fused with the output projection, in chunks of tokens: the [N, V] logits never exist
// (as in Liger-Kernel's fused linear cross-entropy, Hsu et al. 2024, §3.2). The gradient is formed while a
// chunk's logits are at hand, so forward and backward are one pass.

import { type Backend, type Tensor, view } from "../backend/backend.ts";
import { linearBackward, linearForward, type LoraWeights } from "./linear.ts";

/** Tokens per chunk: a multiple of 64, so that row views stay aligned to 256 bytes on every device. */
export const CHUNK_TOKENS = 256;

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
  input: CrossEntropyInput,
  gradients?: CrossEntropyGradients,
): Tensor {
  const { h, w, lora, targets, weight, entropy } = input;
  const [tokens, width] = h.shape as [number, number];
  const vocab = w.shape[0]!;
  const nll = backend.empty([tokens], "f32", "nll");
  for (let from = 0; from < tokens; from += CHUNK_TOKENS) {
    const rows = Math.min(CHUNK_TOKENS, tokens - from);
    const hChunk = view(h, from * width, [rows, width], "hidden.chunk");
    const { y: logits, xa } = linearForward(backend, hChunk, w, lora);
    if (entropy) {
      const chunk = view(entropy, from, [rows]);
      backend.run("entropy", { logits, entropy: chunk }, { rows, cols: vocab });
    }
    backend.run("cross_entropy", {
      logits,
      targets: view(targets, from, [rows]),
      weight: view(weight, from, [rows]),
      nll: view(nll, from, [rows]),
    }, { rows, cols: vocab, backward: gradients ? 1 : 0 });
    if (gradients) {
      const { dH, dW, dA, dB } = gradients;
      const dHidden = view(dH, from * width, [rows, width], "dHidden.chunk");
      linearBackward(
        backend,
        hChunk,
        w,
        logits,
        { dX: { tensor: dHidden, accumulate: false }, dW, dA, dB },
        lora,
        { xa },
      );
    }
    backend.free(logits);
    if (xa) backend.free(xa);
  }
  return nll;
}
