// The adapters of tokens in the order of experts: own[row] = choice[order[row] / k]
// choice: u32[rows / k]  order: u32[rows]  →  own: u32[rows]
// dispatch: ceil(rows / WG), folded; one invocation for one row
override WG: u32 = 256;

struct Params { rows: u32, k: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> choice: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> own: array<u32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = (group.y * groups.x + group.x) * WG + lane;
  if (row >= params.rows) { return; }
  own[row] = choice[order[row] / params.k];
}
