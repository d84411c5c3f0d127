// Gradients of rows and of their weights: dX[row, :] = scale[order[row]] · dY[row, :],
// dScale[order[row]] = Σ_c dY[row, c] · x[row, c]
// x, dY: f32[rows, cols]  scale: f32[rows]  order: u32[rows]  →  dX: f32[rows, cols]  dScale: f32[rows]
// dispatch: rows, folded, one workgroup of WG per row
override WG: u32 = 128;

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read> dY: array<f32>;
@group(0) @binding(5) var<storage, read_write> dX: array<f32>;
@group(0) @binding(6) var<storage, read_write> dScale: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= params.rows) { return; }
  let slot = order[row];
  let factor = scale[slot];
  let base = row * params.cols;
  var products = 0.0;
  for (var c = lane; c < params.cols; c += WG) {
    let gradient = dY[base + c];
    products += gradient * x[base + c];
    dX[base + c] = factor * gradient;
  }
  let total = workgroup_sum(products, lane);
  if (lane == 0u) { dScale[slot] = total; }
}
