// f64 references of SwiGLU (Shazeer 2020, eq. 5).

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** silu(gate) · up. */
export function swigluForward(gate: Float64Array, up: Float64Array): Float64Array {
  return gate.map((g, i) => g * sigmoid(g) * up[i]!);
}

/** Gradients for gate and up. */
export function swigluBackward(
  gate: Float64Array,
  up: Float64Array,
  dY: Float64Array,
): { dGate: Float64Array; dUp: Float64Array } {
  return {
    dGate: gate.map((g, i) => dY[i]! * up[i]! * sigmoid(g) * (1 + g * (1 - sigmoid(g)))),
    dUp: gate.map((g, i) => dY[i]! * g * sigmoid(g)),
  };
}
