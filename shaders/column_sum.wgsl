// Column sums: y[c] += Σ_b x[b, c], b ascending
// x: f32[rows, cols]  →  y: f32[cols]
// dispatch: ceil(cols / WG), folded
override WG: u32 = 64;

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let col = (group.y * groups.x + group.x) * WG + lane;
  if (col >= params.cols) { return; }
  var sum = 0.0;
  for (var b = 0u; b < params.rows; b++) { sum += x[b * params.cols + col]; }
  y[col] += sum;
}
