// SwiGLU: y = silu(gate) · up (Shazeer 2020, eq. 5). All [N, F].

import { type Backend, size, type Tensor } from "../backend/backend.ts";

/** y = silu(gate) · up. */
export function swigluForward(backend: Backend, gate: Tensor, up: Tensor): Tensor {
  const y = backend.empty(gate.shape, "f32", "swiglu.out");
  backend.run("swiglu_forward", { gate, up, y }, { n: size(gate) });
  return y;
}

/** Fills dGate and dUp. */
export function swigluBackward(
  backend: Backend,
  gate: Tensor,
  up: Tensor,
  dY: Tensor,
  dGate: Tensor,
  dUp: Tensor,
): void {
  backend.run("swiglu_backward", { gate, up, dY, dGate, dUp }, { n: size(gate) });
}
