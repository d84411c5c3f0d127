// f64 references of the embedding kernels. table [vocab, cols], y [rows, cols].

/** y[n, :] = table[ids[n], :]. */
export function embeddingForward(
  ids: Uint32Array,
  table: Float64Array,
  cols: number,
): Float64Array {
  const y = new Float64Array(ids.length * cols);
  ids.forEach((id, n) => y.set(table.subarray(id * cols, (id + 1) * cols), n * cols));
  return y;
}

/** dTable + Σ over the tokens of each id of dY. */
export function embeddingBackward(
  ids: Uint32Array,
  dY: Float64Array,
  dTable: Float64Array,
  cols: number,
): Float64Array {
  const result = dTable.slice();
  ids.forEach((id, n) => {
    for (let c = 0; c < cols; c++) result[id * cols + c]! += dY[n * cols + c]!;
  });
  return result;
}
