// RMSNorm backward: dX (=|+=) rstd · (dY·w − x · rstd² · mean(dY·w·x))
// x, dY: f32[rows, cols]  w: f32[cols]  rstd: f32[rows]  →  dX: f32[rows, cols]
// dispatch: rows, folded, one workgroup of WG per row; sums in f32
override WG: u32 = 128;

struct Params { rows: u32, cols: u32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> rstd: array<f32>;
@group(0) @binding(4) var<storage, read> dY: array<f32>;
@group(0) @binding(5) var<storage, read_write> dX: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  var products = 0.0;
  for (var c = lane; c < params.cols; c += WG) { products += dY[base + c] * w[c] * x[base + c]; }
  let r = rstd[row];
  let shift = r * r * workgroup_sum(products, lane) / f32(params.cols);
  for (var c = lane; c < params.cols; c += WG) {
    var gradient = r * (dY[base + c] * w[c] - x[base + c] * shift);
    if (params.accumulate != 0u) { gradient += dX[base + c]; }
    dX[base + c] = gradient;
  }
}
