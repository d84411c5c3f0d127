// Rows of tokens in the order of experts: y[row, :] = x[order[row] / k, :]
// x: Elem[rows / k, cols]  order: u32[rows]  →  y: Elem[rows, cols]
// dispatch: ceil(rows · cols / WG), folded; Elem is f32 or vec4f, cols counts them
override WG: u32 = 256;

struct Params { rows: u32, cols: u32, k: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Elem>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<Elem>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WG + lane;
  if (i >= params.rows * params.cols) { return; }
  y[i] = x[order[i / params.cols] / params.k * params.cols + i % params.cols];
}
