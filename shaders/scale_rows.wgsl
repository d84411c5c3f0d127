// Rows by their router's weight: y[row, :] = scale[order[row]] · x[row, :]
// x: Elem[rows, cols]  scale: f32[rows]  order: u32[rows]  →  y: Elem[rows, cols]
// dispatch: ceil(rows · cols / WG), folded; Elem is f32 or vec4f, cols counts them
override WG: u32 = 256;

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Elem>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<Elem>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WG + lane;
  if (i >= params.rows * params.cols) { return; }
  y[i] = scale[order[i / params.cols]] * x[i];
}
