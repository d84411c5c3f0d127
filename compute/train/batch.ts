// What a training step eats. There is no batch axis: the sequences of a micro-batch lie end to end.

/** One micro-batch of N tokens. N is the same for every batch of a run; see compute/backend/kernels.ts for `start` and `end`. */
export interface Batch {
  /** Token ids, [N]. */
  readonly ids: Uint32Array;
  /** The token that should follow each token, [N]; IGNORED_TARGET where it is not counted. */
  readonly targets: Uint32Array;
  /** What each token's loss counts for, [N]: 1 / (counted tokens of the whole optimiser step), 0 where ignored. */
  readonly weight: Float32Array;
  /** Index of the first token of each token's sequence, [N]. */
  readonly start: Uint32Array;
  /** Index one past the last token of each token's sequence, [N]. */
  readonly end: Uint32Array;
  /** Counted tokens of this micro-batch. */
  readonly counted: number;
}

/** The micro-batches of one optimiser step: one, or as many as are accumulated. */
export type StepBatches = readonly Batch[];

/** A source of optimiser steps with a position that can be stored and sought. */
export interface BatchSource<Cursor = unknown> {
  /** The next step's micro-batches, or undefined at the end of the data. */
  next(): StepBatches | undefined | Promise<StepBatches | undefined>;
  /** The position after the last `next()`, as JSON. */
  cursor(): Cursor;
  /** Goes to a position that `cursor()` gave. */
  seek(cursor: Cursor): void;
}
