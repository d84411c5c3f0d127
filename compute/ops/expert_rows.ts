// Rows of tokens to rows of experts and back. A token's row is copied for each of its experts; the
// rows that come back are summed. Gathering and scattering are each other's transpose.
// x [N, C], rows [N·k, C], in the order of RowGroups.

import type { Backend, Tensor } from "../backend/backend.ts";
import type { RowGroups } from "./route.ts";

/** rows[row, :] = x[token of row, :]. */
export function gatherRows(backend: Backend, x: Tensor, { order, perToken: k }: RowGroups): Tensor {
  const cols = x.shape[1]!, rows = x.shape[0]! * k;
  const y = backend.empty([rows, cols], "f32", `${x.label}.rows`);
  backend.run("gather_rows", { x, order, y }, { rows, cols, k });
  return y;
}

/** u32[N·k]: the choice of each row's token. */
export function gatherChoice(
  backend: Backend,
  choice: Tensor,
  { order, perToken: k }: RowGroups,
): Tensor {
  const rows = choice.shape[0]! * k;
  const own = backend.empty([rows], "u32", "choice.rows");
  backend.run("gather_choice", { choice, order, own }, { rows, k });
  return own;
}

/** y[n, :] (=|+=) the sum of token n's rows. */
export function scatterRows(
  backend: Backend,
  x: Tensor,
  { place, perToken: k }: RowGroups,
  y: Tensor,
  accumulate: boolean,
): void {
  const [rows, cols] = y.shape as [number, number];
  const params = { rows, cols, k, accumulate: accumulate ? 1 : 0 };
  backend.run("scatter_rows", { x, place, y }, params);
}

/** y[row, :] = scale[slot of row] · x[row, :]. */
export function scaleRows(
  backend: Backend,
  x: Tensor,
  scale: Tensor,
  { order }: RowGroups,
): Tensor {
  const [rows, cols] = x.shape as [number, number];
  const y = backend.empty([rows, cols], "f32", `${x.label}.scaled`);
  backend.run("scale_rows", { x, scale, order, y }, { rows, cols });
  return y;
}

/** Fills dX and dScale. */
export function scaleRowsBackward(
  backend: Backend,
  x: Tensor,
  scale: Tensor,
  { order }: RowGroups,
  dY: Tensor,
  dX: Tensor,
  dScale: Tensor,
): void {
  const [rows, cols] = x.shape as [number, number];
  backend.run("scale_rows_backward", { x, scale, order, dY, dX, dScale }, { rows, cols });
}
