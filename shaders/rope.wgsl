// Rotary embedding, in place                     (Su et al. 2021, eq. 34; halves as in rotate_half)
//   a' = a·cos − direction·b·sin,  b' = b·cos + direction·a·sin,  a = x[… i], b = x[… i + D/2]
// start: u32[tokens]  table: f32[positions, D], D/2 cosines then D/2 sines  →  x: f32[tokens, heads, D]
// dispatch: ceil(tokens · heads · D/2 / WG), folded; one invocation per pair
override WG: u32 = 256;

struct Params { tokens: u32, heads: u32, head_dim: u32, direction: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read> start: array<u32>;
@group(0) @binding(3) var<storage, read> table: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (group.y * groups.x + group.x) * WG + lane;
  let half = params.head_dim / 2u;
  let row = index / half;
  let token = row / params.heads;
  if (token >= params.tokens) { return; }
  let i = index % half;
  let angle = (token - start[token]) * params.head_dim + i;
  let c = table[angle];
  let s = params.direction * table[angle + half];
  let at = row * params.head_dim + i;
  let a = x[at];
  let b = x[at + half];
  x[at] = a * c - b * s;
  x[at + half] = b * c + a * s;
}
