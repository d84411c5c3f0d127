// SwiGLU forward: y = silu(gate) · up, silu(g) = g / (1 + exp(−g))       (Shazeer 2020, eq. 5)
// gate, up: Elem[n]  →  y: Elem[n]
// dispatch: ceil(n / WG), folded; Elem is f32 or vec4f
override WG: u32 = 256;

struct Params { n: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gate: array<Elem>;
@group(0) @binding(2) var<storage, read> up: array<Elem>;
@group(0) @binding(3) var<storage, read_write> y: array<Elem>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WG + lane;
  if (i >= params.n) { return; }
  let g = gate[i];
  // exp(−g) of a very negative g would be infinite; at −80 silu is already 0 in f32.
  let decay = exp(-max(g, Elem(-80.0)));
  y[i] = g / (Elem(1.0) + decay) * up[i];
}
