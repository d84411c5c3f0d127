// Second stage of a product cut along its inner dimension: y[i] (=|+=) Σ_s partial[s, i], s ascending
// partial: f32[slices, n]  →  y: f32[n]
// dispatch: ceil(n / WG), folded
override WG: u32 = 256;

struct Params { n: u32, slices: u32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WG + lane;
  if (i >= params.n) { return; }
  var sum = 0.0;
  for (var s = 0u; s < params.slices; s++) { sum += partial[s * params.n + i]; }
  if (params.accumulate != 0u) { sum += y[i]; }
  y[i] = sum;
}
