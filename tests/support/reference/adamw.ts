// f64 reference of AdamW with global gradient clipping, as in torch.optim.AdamW after clip_grad_norm_.

/** State of a group of parameters. */
export interface AdamwState {
  readonly p: Float64Array;
  readonly g: Float64Array;
  readonly m: Float64Array;
  readonly v: Float64Array;
}

/** What AdamW is told. */
export interface AdamwOptions {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly maxGradNorm: number;
  /** Counts from 1; decides the bias corrections. */
  readonly step: number;
}

/** The kernel's `hyper` tensor, in f32 as the device gets it. */
export function hyperOf(o: AdamwOptions): Float32Array {
  const { learningRate, beta1, beta2, eps, weightDecay, maxGradNorm, step } = o;
  const corrections = [1 - beta1 ** step, 1 - beta2 ** step];
  return Float32Array.of(
    ...[learningRate, beta1, beta2, eps, weightDecay, ...corrections, maxGradNorm],
  );
}

/**
 * One step; `sumsq` is Σ g² over all groups and `lrScale` this group's factor on the learning rate.
 * Takes the f32 values of `hyper`, so that only the kernel's own rounding is left to see.
 */
export function adamw(
  { p, g, m, v }: AdamwState,
  hyper: Float32Array,
  sumsq: number,
  lrScale: number,
): AdamwState {
  const [learningRate, beta1, beta2, eps, weightDecay, correction1, correction2, maxGradNorm] =
    Array.from(hyper) as [number, number, number, number, number, number, number, number];
  const clip = maxGradNorm > 0 ? Math.min(1, maxGradNorm / (Math.sqrt(sumsq) + 1e-6)) : 1;
  const lr = learningRate * lrScale;
  const newM = m.map((mean, i) => beta1 * mean + (1 - beta1) * clip * g[i]!);
  const newV = v.map((square, i) => beta2 * square + (1 - beta2) * (clip * g[i]!) ** 2);
  const newP = p.map((value, i) =>
    value * (1 - lr * weightDecay) -
    lr * (newM[i]! / correction1) / (Math.sqrt(newV[i]! / correction2) + eps)
  );
  return { p: newP, g: new Float64Array(g.length), m: newM, v: newV };
}
