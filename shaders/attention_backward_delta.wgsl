// Attention backward, first of three: stats[.., 1] = delta = Σ_d dO · o        (Dao 2022, alg. 4, line 19)
// o, dO: Vec[tokens, heads, DV]  →  stats: f32[tokens, heads, 2]
// dispatch: ceil(tokens · heads / WG), folded; one invocation a row
// Prelude: Vec (vec4f or vec2f)
override WG: u32 = 64;
override DV: u32 = 16;

struct Params { rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> o: array<Vec>;
@group(0) @binding(2) var<storage, read> dO: array<Vec>;
@group(0) @binding(3) var<storage, read_write> stats: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = (group.y * groups.x + group.x) * WG + lane;
  if (row >= params.rows) { return; }
  var sum = 0.0;
  for (var d = 0u; d < DV; d++) { sum += dot(dO[row * DV + d], o[row * DV + d]); }
  stats[row * 2u + 1u] = sum;
}
