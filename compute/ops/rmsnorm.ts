// RMSNorm over the last axis: y = x / sqrt(mean(x²) + eps) · w (Zhang & Sennrich 2019, eq. 4).
// x [..., C], w [C]. Used for hidden states and, over the head size, for Qwen3's queries and keys.

import { type Backend, size, type Tensor } from "../backend/backend.ts";

function rowsOf(x: Tensor, w: Tensor): { rows: number; cols: number } {
  const cols = size(w);
  const elements = size(x);
  if (elements % cols !== 0) {
    throw new RangeError(
      `Cannot normalise ${x.label} [${x.shape}] by "${w.label}": expected rows of ${cols}`,
    );
  }
  return { rows: elements / cols, cols };
}

/** y and rstd [rows], which the backward pass needs. */
export function rmsnormForward(
  backend: Backend,
  x: Tensor,
  w: Tensor,
  eps: number,
): { y: Tensor; rstd: Tensor } {
  const { rows, cols } = rowsOf(x, w);
  const y = backend.empty(x.shape, "f32", `${w.label}.out`);
  const rstd = backend.empty([rows], "f32", `${w.label}.rstd`);
  backend.run("rmsnorm_forward", { x, w, y, rstd }, { rows, cols, eps });
  return { y, rstd };
}

/** dX (=|+=) and dW += where asked for. */
export function rmsnormBackward(
  backend: Backend,
  x: Tensor,
  w: Tensor,
  rstd: Tensor,
  dY: Tensor,
  gradients: { dX?: { tensor: Tensor; accumulate: boolean }; dW?: Tensor },
): void {
  const { rows, cols } = rowsOf(x, w);
  if (gradients.dW) {
    backend.run("rmsnorm_backward_weight", { x, rstd, dY, dW: gradients.dW }, { rows, cols });
  }
  if (gradients.dX) {
    const { tensor, accumulate } = gradients.dX;
    backend.run("rmsnorm_backward", { x, w, rstd, dY, dX: tensor }, {
      rows,
      cols,
      accumulate: accumulate ? 1 : 0,
    });
  }
}
