/**
 * Model sizes at which a step is measured beside PyTorch + PEFT; vocabularies are small, as the models are. Short
 * steps are more: the engine compiles the kernels in full after the first of them.
 */
export const SIZES = {
  "d=64 L=2": {
    hidden: 64,
    layers: 2,
    intermediate: 192,
    vocab: 2048,
    heads: 4,
    batch: 16,
    steps: 41,
  },
  "d=128 L=4": {
    hidden: 128,
    layers: 4,
    intermediate: 384,
    vocab: 2048,
    heads: 4,
    batch: 16,
    steps: 15,
  },
  "d=256 L=6": {
    hidden: 256,
    layers: 6,
    intermediate: 768,
    vocab: 2048,
    heads: 4,
    batch: 16,
    steps: 7,
  },
} as const;
