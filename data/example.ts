// One sequence to learn from, and the batches made of such sequences. Shapes and meanings are those of
// the kernels: targets are already shifted, so that a position and its target share an index.

/** The target of a position that is not counted; the same number as in the kernel table. */
export const IGNORED_TARGET = 0xffffffff;

/** The label of a token that is not counted, in Hugging Face's convention. */
export const IGNORED_LABEL = -100;

/** A sequence of T positions. */
export interface Example {
  /** Token ids, [T]. */
  readonly ids: Uint32Array;
  /** The token that follows each position, [T]; IGNORED_TARGET where it is not counted. */
  readonly targets: Uint32Array;
}

/** Whether the loss counts any token of an example. */
export function counts({ targets }: Example): boolean {
  return targets.some((target) => target !== IGNORED_TARGET);
}

/** One micro-batch of N tokens: sequences end to end. */
export interface Batch {
  readonly ids: Uint32Array;
  readonly targets: Uint32Array;
  /** 1 / (counted tokens of the whole optimiser step), 0 where ignored. */
  readonly weight: Float32Array;
  /** Index of the first token of each token's sequence. */
  readonly start: Uint32Array;
  /** Index one past the last token of each token's sequence. */
  readonly end: Uint32Array;
  readonly counted: number;
}

/**
 * An example from k ≥ 2 tokens: k − 1 positions, each with the next token as its target. The last
 * token is only a target, since nothing follows it.
 *
 * @param labels as Hugging Face has them: not shifted, −100 where not counted; absent: all count.
 */
export function exampleOf(tokens: ArrayLike<number>, labels?: ArrayLike<number>): Example {
  const length = tokens.length - 1;
  const ids = new Uint32Array(length);
  const targets = new Uint32Array(length);
  for (let i = 0; i < length; i++) {
    const label = labels ? labels[i + 1]! : tokens[i + 1]!;
    ids[i] = tokens[i]!;
    targets[i] = label === IGNORED_LABEL ? IGNORED_TARGET : label;
  }
  return { ids, targets };
}
