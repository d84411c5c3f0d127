// f64 references of the cross-entropy kernel. logits [rows, cols].

import { IGNORED_TARGET } from "../../../compute/backend/kernels.ts";

/** nll[m] = log Σ exp(logits[m, :]) − logits[m, target], 0 where ignored. */
export function crossEntropyForward(
  logits: Float64Array,
  targets: Uint32Array,
  cols: number,
): Float64Array {
  return Float64Array.from(targets, (target, m) => {
    if (target === IGNORED_TARGET) return 0;
    return logSumExp(logits.subarray(m * cols, (m + 1) * cols)) - logits[m * cols + target]!;
  });
}

/** weight[m] · (softmax(logits[m, :]) − onehot(target)), 0 where ignored. */
export function crossEntropyBackward(
  logits: Float64Array,
  targets: Uint32Array,
  weight: Float64Array,
  cols: number,
): Float64Array {
  const dLogits = new Float64Array(logits.length);
  targets.forEach((target, m) => {
    if (target === IGNORED_TARGET) return;
    const row = logits.subarray(m * cols, (m + 1) * cols), total = logSumExp(row);
    row.forEach((logit, c) => {
      dLogits[m * cols + c] = weight[m]! * (Math.exp(logit - total) - (c === target ? 1 : 0));
    });
  });
  return dLogits;
}

/** log Σ exp(logits[m, :]) − Σ softmax(logits[m, :]) · logits[m, :] */
export function entropyForward(logits: Float64Array, cols: number): Float64Array {
  return Float64Array.from({ length: logits.length / cols }, (_, m) => {
    const row = logits.subarray(m * cols, (m + 1) * cols), total = logSumExp(row);
    return row.reduce((sum, logit) => sum + Math.exp(logit - total) * (total - logit), 0);
  });
}

function logSumExp(row: Float64Array): number {
  const max = row.reduce((a, b) => Math.max(a, b));
  return max + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - max), 0));
}
