// Token embedding: y[n, :] = table[ids[n], :]. ids u32[N], table [V, C], y [N, C].

import type { Backend, Tensor } from "../backend/backend.ts";

/** Looks the rows up. */
export function embeddingForward(backend: Backend, ids: Tensor, table: Tensor): Tensor {
  const [vocab, cols] = table.shape as [number, number];
  const rows = ids.shape[0]!;
  const y = backend.empty([rows, cols], "f32", `${table.label}.out`);
  backend.run("embedding_forward", { ids, table, y }, { rows, cols, vocab });
  return y;
}

/** dTable[ids[n], :] += dY[n, :]. */
export function embeddingBackward(
  backend: Backend,
  ids: Tensor,
  dY: Tensor,
  dTable: Tensor,
): void {
  const [vocab, cols] = dTable.shape as [number, number];
  backend.run("embedding_backward", { ids, dY, dTable }, { rows: ids.shape[0]!, cols, vocab });
}
