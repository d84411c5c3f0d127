// RMSNorm forward: rstd = 1 / sqrt(mean(x²) + eps), y = x · rstd · w      (Zhang & Sennrich 2019, eq. 4)
// x: f32[rows, cols]  w: f32[cols]  →  y: f32[rows, cols]  rstd: f32[rows]
// dispatch: rows, folded, one workgroup of WG per row; sums in f32
override WG: u32 = 128;

struct Params { rows: u32, cols: u32, eps: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> rstd: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  var squares = 0.0;
  for (var c = lane; c < params.cols; c += WG) { squares += x[base + c] * x[base + c]; }
  let mean = workgroup_sum(squares, lane) / f32(params.cols);
  let r = 1.0 / sqrt(mean + params.eps);
  for (var c = lane; c < params.cols; c += WG) { y[base + c] = x[base + c] * r * w[c]; }
  if (lane == 0u) { rstd[row] = r; }
}
