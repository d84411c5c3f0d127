// Attention backward without workgroup memory, second of three: dQ = scale · dS k,
//   dS = p (dO·v − delta), p = exp(scale · q·k − lse)                                    (Dao 2022, alg. 4)
// q, dO: Vec[tokens, heads, DV]  k, v: Vec[tokens, kv_heads, DV]  start: u32[tokens]
// stats: f32[tokens, heads, 2] = lse, delta  →  dQ: Vec[tokens, heads, DV]
// dispatch: [ceil(tokens / (WG · ROWS)), heads, 1]; one invocation takes ROWS queries over all their keys.
// Prelude: Vec, ROWS and attend(), written out by descriptions/attention_wgsl.ts
override WG: u32 = 8;

struct Params { tokens: u32, heads: u32, kv_heads: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<Vec>;
@group(0) @binding(2) var<storage, read> k: array<Vec>;
@group(0) @binding(3) var<storage, read> v: array<Vec>;
@group(0) @binding(4) var<storage, read> start: array<u32>;
@group(0) @binding(5) var<storage, read> dO: array<Vec>;
@group(0) @binding(6) var<storage, read> stats: array<f32>;
@group(0) @binding(7) var<storage, read_write> dQ: array<Vec>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row0 = (group.x * WG + lane) * ROWS;
  if (row0 >= params.tokens) { return; }
  attend(row0, group.y, group.y * params.kv_heads / params.heads);
}
