// f64 references of the RMSNorm kernels (Zhang & Sennrich 2019, eq. 4). x [rows, cols], w [cols].

/** y = x · rstd · w with rstd = 1 / sqrt(mean(x²) + eps). */
export function rmsnormForward(
  x: Float64Array,
  w: Float64Array,
  eps: number,
): { y: Float64Array; rstd: Float64Array } {
  const cols = w.length, rows = x.length / cols;
  const rstd = new Float64Array(rows);
  for (let n = 0; n < rows; n++) {
    let sum = 0;
    for (let c = 0; c < cols; c++) sum += x[n * cols + c]! ** 2;
    rstd[n] = 1 / Math.sqrt(sum / cols + eps);
  }
  return { y: x.map((value, i) => value * rstd[Math.floor(i / cols)]! * w[i % cols]!), rstd };
}

/** dX = rstd · (dY·w − x · rstd² · mean(dY·w·x)), dW = Σ_n dY · x · rstd. */
export function rmsnormBackward(
  x: Float64Array,
  w: Float64Array,
  dY: Float64Array,
  eps: number,
): { dX: Float64Array; dW: Float64Array } {
  const cols = w.length, rows = x.length / cols;
  const { rstd } = rmsnormForward(x, w, eps);
  const dX = new Float64Array(x.length), dW = new Float64Array(cols);
  for (let n = 0; n < rows; n++) {
    const r = rstd[n]!;
    let mean = 0;
    for (let c = 0; c < cols; c++) mean += dY[n * cols + c]! * w[c]! * x[n * cols + c]! / cols;
    for (let c = 0; c < cols; c++) {
      const i = n * cols + c;
      dX[i] = r * (dY[i]! * w[c]! - x[i]! * r * r * mean);
      dW[c]! += dY[i]! * x[i]! * r;
    }
  }
  return { dX, dW };
}
