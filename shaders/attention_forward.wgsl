// Causal grouped-query attention inside each sequence, online softmax        (Dao 2022, alg. 1)
//   o = softmax(scale · q kᵀ) v over the keys start[n] … n;  stats[.., 0] = log Σ exp(scale · q·k)
// q: Vec[tokens, heads, DV]  k, v: Vec[tokens, kv_heads, DV]  start: u32[tokens]
//   →  o: Vec[tokens, heads, DV]  stats: f32[tokens, heads, 2]
// dispatch: [ceil(tokens / (WY·TQ)), heads, 1]; tiles of WY·TQ queries by WX·TK keys. One invocation holds
// TQ × TK scores, and of its TQ rows of o every WX-th vector.
// Params: dv = DV and edge = WX · TK again, as loop bounds that no compiler unrolls (it may take minutes).
// Prelude: Vec (vec4f or vec2f), TQ, TK, DC = ceil(DV / WX)
override WX: u32 = 8;
override WY: u32 = 8;
override DV: u32 = 16;
override Q_TILE: u32 = 272; // WY · TQ · (DV + 1)
override K_TILE: u32 = 272; // WX · TK · (DV + 1)
override SCORES: u32 = 256; // WY · TQ · WX · TK
const LOWEST = -3.0e38;

struct Params { tokens: u32, heads: u32, kv_heads: u32, scale: f32, dv: u32, edge: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<Vec>;
@group(0) @binding(2) var<storage, read> k: array<Vec>;
@group(0) @binding(3) var<storage, read> v: array<Vec>;
@group(0) @binding(4) var<storage, read> start: array<u32>;
@group(0) @binding(5) var<storage, read_write> o: array<Vec>;
@group(0) @binding(6) var<storage, read_write> stats: array<f32>;

var<workgroup> q_tile: array<Vec, Q_TILE>;
var<workgroup> kv_tile: array<Vec, K_TILE>; // keys, then their values
var<workgroup> scores: array<f32, SCORES>;
var<workgroup> probabilities: array<f32, SCORES>;

@compute @workgroup_size(WX, WY)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let stride = DV + 1u;
  let keys = WX * TK;
  let q0 = group.x * WY * TQ;
  let head = group.y;
  let kv_head = head * params.kv_heads / params.heads;
  for (var i = lane; i < WY * TQ * DV; i += WX * WY) {
    let token = q0 + i / DV;
    var value = Vec();
    if (token < params.tokens) { value = q[(token * params.heads + head) * DV + i % DV]; }
    q_tile[i / DV * stride + i % DV] = value;
  }
  var lowest_key: array<u32, TQ>;
  var top: array<f32, TQ>;
  var total: array<f32, TQ>;
  var sums: array<Vec, TQ * DC>;
  for (var i = 0u; i < TQ; i++) {
    lowest_key[i] = start[min(q0 + local.y * TQ + i, params.tokens - 1u)];
    top[i] = LOWEST;
  }
  let last = min(q0 + WY * TQ, params.tokens);
  for (var k0 = start[q0]; k0 < last; k0 += keys) {
    for (var i = lane; i < keys * DV; i += WX * WY) {
      let token = min(k0 + i / DV, params.tokens - 1u);
      kv_tile[i / DV * stride + i % DV] = k[(token * params.kv_heads + kv_head) * DV + i % DV];
    }
    workgroupBarrier();
    var score = array<f32, TQ * TK>();
    for (var d = 0u; d < params.dv; d++) {
      var right: array<Vec, TK>;
      for (var j = 0u; j < TK; j++) { right[j] = kv_tile[(local.x + WX * j) * stride + d]; }
      for (var i = 0u; i < TQ; i++) {
        let left = q_tile[(local.y * TQ + i) * stride + d];
        for (var j = 0u; j < TK; j++) { score[i * TK + j] += dot(left, right[j]); }
      }
    }
    for (var i = 0u; i < TQ; i++) {
      let token = q0 + local.y * TQ + i;
      for (var j = 0u; j < TK; j++) {
        let key = k0 + local.x + WX * j;
        let seen = key >= lowest_key[i] && key <= token;
        let value = select(LOWEST, params.scale * score[i * TK + j], seen);
        score[i * TK + j] = value;
        scores[(local.y * TQ + i) * keys + local.x + WX * j] = value;
      }
    }
    workgroupBarrier();
    for (var i = lane; i < keys * DV; i += WX * WY) {
      let token = min(k0 + i / DV, params.tokens - 1u);
      kv_tile[i / DV * stride + i % DV] = v[(token * params.kv_heads + kv_head) * DV + i % DV];
    }
    for (var i = 0u; i < TQ; i++) {
      let row = (local.y * TQ + i) * keys;
      var highest = top[i];
      for (var j = 0u; j < params.edge; j++) { highest = max(highest, scores[row + j]); }
      let shrink = exp(top[i] - highest);
      top[i] = highest;
      total[i] *= shrink;
      for (var c = 0u; c < DC; c++) { sums[i * DC + c] *= shrink; }
      for (var j = 0u; j < TK; j++) {
        let value = score[i * TK + j];
        probabilities[row + local.x + WX * j] =
          select(0.0, exp(value - highest), value > LOWEST);
      }
    }
    workgroupBarrier();
    for (var j = 0u; j < params.edge; j++) {
      for (var i = 0u; i < TQ; i++) {
        let p = probabilities[(local.y * TQ + i) * keys + j];
        total[i] += p;
        for (var c = 0u; c < DC; c++) {
          // Past the row's end this reads the padding or a neighbour; such sums are not stored.
          sums[i * DC + c] += p * kv_tile[j * stride + min(local.x + WX * c, DV)];
        }
      }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < TQ; i++) {
    let token = q0 + local.y * TQ + i;
    if (token >= params.tokens) { continue; }
    let row = token * params.heads + head;
    for (var c = 0u; c < DC; c++) {
      let d = local.x + WX * c;
      if (d < DV) { o[row * DV + d] = sums[i * DC + c] / total[i]; }
    }
    if (local.x == 0u) {
      stats[row * 2u] = top[i] + log(total[i]);
      stats[row * 2u + 1u] = 0.0;
    }
  }
}
