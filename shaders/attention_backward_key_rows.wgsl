// Attention backward without workgroup memory, last of three: dV = pᵀ dO, dK = scale · dSᵀ q,
//   dS = p (dO·v − delta), p = exp(scale · q·k − lse)                                    (Dao 2022, alg. 4)
// q, dO: Vec[tokens, heads, DV]  k, v: Vec[tokens, kv_heads, DV]  end: u32[tokens]
// stats: f32[tokens, heads, 2] = lse, delta  →  dK, dV: Vec[tokens, kv_heads, DV]
// dispatch: [ceil(tokens / (WG · ROWS)), kv_heads, 1]; one invocation owns ROWS keys and passes over the queries of
// all heads that read them, in order: no atomics.
// Prelude: Vec, ROWS and attend(), written out by descriptions/attention_wgsl.ts
override WG: u32 = 8;

struct Params { tokens: u32, heads: u32, kv_heads: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<Vec>;
@group(0) @binding(2) var<storage, read> k: array<Vec>;
@group(0) @binding(3) var<storage, read> v: array<Vec>;
@group(0) @binding(4) var<storage, read> end: array<u32>;
@group(0) @binding(5) var<storage, read> dO: array<Vec>;
@group(0) @binding(6) var<storage, read> stats: array<f32>;
@group(0) @binding(7) var<storage, read_write> dK: array<Vec>;
@group(0) @binding(8) var<storage, read_write> dV: array<Vec>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row0 = (group.x * WG + lane) * ROWS;
  if (row0 >= params.tokens) { return; }
  // The heads h with floor(h · kv_heads / heads) = kv_head.
  let kv_head = group.y;
  let first = (kv_head * params.heads + params.kv_heads - 1u) / params.kv_heads;
  let last = ((kv_head + 1u) * params.heads + params.kv_heads - 1u) / params.kv_heads;
  attend(row0, kv_head, first, last);
}
