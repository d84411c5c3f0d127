// Attention of single tokens to a cache in pages, online softmax over tiles of WG keys     (Dao 2022, alg. 1)
//   o[n] = softmax(scale · q[n] kᵀ) v over the tokens 0 … prompt[n] − 1 of row n and, from the next page on, … last[n]
// q: Vec[rows, heads, DV]  k, v: Vec[cells, kv_heads, DV]  pages: u32[rows, width]  prompt, last: u32[rows]
//   →  o: Vec[rows, heads, DV]
// dispatch: [heads, rows, 1], one workgroup of WG a head of a row. An invocation scores one key of a tile, then sums
// one vector of o over every PARTS-th key; the PARTS sums are joined at the end.
// Prelude: Vec (vec4f or vec2f), pages.wgsl
override WG: u32 = 64;
override DV: u32 = 16;
override PARTS: u32 = 4; // floor(WG / DV)
const LOWEST = -3.0e38;

struct Params { width: u32, heads: u32, kv_heads: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<Vec>;
@group(0) @binding(2) var<storage, read> k: array<Vec>;
@group(0) @binding(3) var<storage, read> v: array<Vec>;
@group(0) @binding(4) var<storage, read> pages: array<u32>;
@group(0) @binding(5) var<storage, read> prompt: array<u32>;
@group(0) @binding(6) var<storage, read> last: array<u32>;
@group(0) @binding(7) var<storage, read_write> o: array<Vec>;

var<workgroup> query: array<Vec, DV>;
var<workgroup> weights: array<f32, WG>;
var<workgroup> folded: array<f32, WG>;
var<workgroup> joined: array<Vec, WG>;

// Its own keys follow the prompt's at the next page.
fn cell_of_key(row: u32, key: u32, shared_keys: u32) -> u32 {
  return cell_of(row, key + select(first_own(shared_keys) - shared_keys, 0u, key < shared_keys));
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y;
  let head = group.x;
  let kv_head = head * params.kv_heads / params.heads;
  let own = (row * params.heads + head) * DV;
  for (var d = lane; d < DV; d += WG) { query[d] = q[own + d]; }
  let shared_keys = prompt[row];
  let count = shared_keys + last[row] - first_own(shared_keys) + 1u;
  let d = lane % DV;
  let part = lane / DV;
  var top = LOWEST;
  var total = 0.0;
  var sum = Vec();
  workgroupBarrier();
  for (var k0 = 0u; k0 < count; k0 += WG) {
    let keys = min(WG, count - k0);
    var score = LOWEST;
    if (lane < keys) {
      let at = (cell_of_key(row, k0 + lane, shared_keys) * params.kv_heads + kv_head) * DV;
      var product = 0.0;
      for (var i = 0u; i < DV; i++) { product += dot(query[i], k[at + i]); }
      score = params.scale * product;
    }
    folded[lane] = score;
    workgroupBarrier();
    for (var width = WG / 2u; width > 0u; width /= 2u) {
      if (lane < width) { folded[lane] = max(folded[lane], folded[lane + width]); }
      workgroupBarrier();
    }
    let highest = max(top, folded[0]);
    let shrink = exp(top - highest);
    top = highest;
    var weight = 0.0;
    if (lane < keys) { weight = exp(score - highest); }
    weights[lane] = weight;
    total = total * shrink + workgroup_sum(weight, lane);
    sum *= shrink;
    if (part < PARTS) {
      for (var j = part; j < keys; j += PARTS) {
        let cell = cell_of_key(row, k0 + j, shared_keys);
        sum += weights[j] * v[(cell * params.kv_heads + kv_head) * DV + d];
      }
    }
    workgroupBarrier();
  }
  joined[lane] = sum;
  workgroupBarrier();
  if (lane >= DV) { return; }
  var result = Vec();
  for (var i = 0u; i < PARTS; i++) { result += joined[i * DV + lane]; }
  o[own + lane] = result / total;
}
