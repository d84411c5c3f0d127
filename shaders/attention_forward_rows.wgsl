// Causal grouped-query attention inside each sequence, online softmax, without workgroup memory  (Dao 2022, alg. 1)
//   o = softmax(scale · q kᵀ) v over the keys start[n] … n;  stats[.., 0] = log Σ exp(scale · q·k)
// q: Vec[tokens, heads, DV]  k, v: Vec[tokens, kv_heads, DV]  start: u32[tokens]
//   →  o: Vec[tokens, heads, DV]  stats: f32[tokens, heads, 2]
// dispatch: [ceil(tokens / (WG · ROWS)), heads, 1]; one invocation takes ROWS queries over all their keys.
// Prelude: Vec, ROWS and attend(), written out by descriptions/attention_wgsl.ts
override WG: u32 = 8;

struct Params { tokens: u32, heads: u32, kv_heads: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<Vec>;
@group(0) @binding(2) var<storage, read> k: array<Vec>;
@group(0) @binding(3) var<storage, read> v: array<Vec>;
@group(0) @binding(4) var<storage, read> start: array<u32>;
@group(0) @binding(5) var<storage, read_write> o: array<Vec>;
@group(0) @binding(6) var<storage, read_write> stats: array<f32>;

const LOWEST = -3.0e38;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row0 = (group.x * WG + lane) * ROWS;
  if (row0 >= params.tokens) { return; }
  attend(row0, group.y, group.y * params.kv_heads / params.heads);
}
