// RMSNorm weight gradient, first of two stages: partial[b, c] = Σ_{n in block b} dY[n, c] · x[n, c] · rstd[n]
// x, dY: f32[rows, cols]  rstd: f32[rows]  →  partial: f32[blocks, cols]
// dispatch: [ceil(cols / WG), blocks, 1]; a block is block_rows tokens; column_sum.wgsl is the second stage
override WG: u32 = 64;

struct Params { rows: u32, cols: u32, block_rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read> dY: array<f32>;
@group(0) @binding(4) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let col = group.x * WG + lane;
  if (col >= params.cols) { return; }
  let first = group.y * params.block_rows;
  let last = min(first + params.block_rows, params.rows);
  var sum = 0.0;
  for (var n = first; n < last; n++) {
    sum += dY[n * params.cols + col] * x[n * params.cols + col] * rstd[n];
  }
  partial[group.y * params.cols + col] = sum;
}
