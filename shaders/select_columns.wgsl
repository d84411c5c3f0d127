// Of several adapters side by side, each row keeps its own, scaled             (Chen et al. 2023, "Punica")
//   x[n, c] = owner[c] = choice[n] ? scale[c] · x[n, c] : 0, in place
// choice: u32[rows]  owner: u32[cols]  scale: f32[cols]  →  x: f32[rows, cols]
// dispatch: ceil(rows · cols / WG), folded; one invocation for one element
override WG: u32 = 256;

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read> choice: array<u32>;
@group(0) @binding(3) var<storage, read> owner: array<u32>;
@group(0) @binding(4) var<storage, read> scale: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WG + lane;
  let row = i / params.cols;
  if (row >= params.rows) { return; }
  let col = i % params.cols;
  var value = 0.0;
  if (owner[col] == choice[row]) { value = scale[col] * x[i]; }
  x[i] = value;
}
