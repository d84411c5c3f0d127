// SwiGLU backward, s = 1 / (1 + exp(−gate)):                             (Shazeer 2020, eq. 5)
//   dGate = dY · up · s · (1 + gate · (1 − s)),  dUp = dY · gate · s
// gate, up, dY: Elem[n]  →  dGate, dUp: Elem[n]
// dispatch: ceil(n / WG), folded; Elem is f32 or vec4f
override WG: u32 = 256;

struct Params { n: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gate: array<Elem>;
@group(0) @binding(2) var<storage, read> up: array<Elem>;
@group(0) @binding(3) var<storage, read> dY: array<Elem>;
@group(0) @binding(4) var<storage, read_write> dGate: array<Elem>;
@group(0) @binding(5) var<storage, read_write> dUp: array<Elem>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WG + lane;
  if (i >= params.n) { return; }
  let g = gate[i];
  let upstream = dY[i];
  let s = Elem(1.0) / (Elem(1.0) + exp(-max(g, Elem(-80.0))));
  dGate[i] = upstream * up[i] * s * (Elem(1.0) + g * (Elem(1.0) - s));
  dUp[i] = upstream * g * s;
}
