// Gradients by central differences in f64. A backward pass is checked in the middle of a graph: the
// loss is Σ coefficient · upstream · y, so a backward that assumes an upstream of 1 fails.

/** What the op's output is multiplied with after it: any number but 1. */
export const COEFFICIENT = -1.7;

/** A stand-in for the rest of the graph: the gradient that reaches the op, coefficient included. */
export function upstream(random: ArrayLike<number>): Float32Array {
  return Float32Array.from(random, (u) => COEFFICIENT * u);
}

/** Σ dY · y, the loss whose gradient with respect to y is dY. */
export function lossAfter(dY: ArrayLike<number>, y: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < y.length; i++) sum += dY[i]! * y[i]!;
  return sum;
}

/** dLoss/dx at x by central differences. `x` is changed while it runs and is itself again afterwards. */
export function numericGradient(
  loss: (x: Float64Array) => number,
  x: Float64Array,
  step = 1e-5,
): Float64Array {
  return x.map((value, i) => {
    x[i] = value + step;
    const above = loss(x);
    x[i] = value - step;
    const below = loss(x);
    x[i] = value;
    return (above - below) / (2 * step);
  });
}
