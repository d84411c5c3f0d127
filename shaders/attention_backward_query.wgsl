// Attention backward, second of three: dQ = scale · dS k, dS = p (dO·v − delta), p = exp(scale · q·k − lse)
// q, dO: Vec[tokens, heads, DV]  k, v: Vec[tokens, kv_heads, DV]  start: u32[tokens]
// stats: f32[tokens, heads, 2] = lse, delta  →  dQ: Vec[tokens, heads, DV]              (Dao 2022, alg. 4)
// dispatch: [ceil(tokens / (WY·TQ)), heads, 1]; a workgroup owns its queries and passes over their keys
// Params: dv = DV and edge = WX · TK again, as loop bounds that no compiler unrolls (it may take minutes).
// Prelude: Vec (vec4f or vec2f), TQ, TK, DC = ceil(DV / WX)
override WX: u32 = 8;
override WY: u32 = 8;
override DV: u32 = 16;
override Q_TILE: u32 = 272; // WY · TQ · (DV + 1)
override K_TILE: u32 = 272; // WX · TK · (DV + 1)
override SCORES: u32 = 256; // WY · TQ · WX · TK

struct Params { tokens: u32, heads: u32, kv_heads: u32, scale: f32, dv: u32, edge: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<Vec>;
@group(0) @binding(2) var<storage, read> k: array<Vec>;
@group(0) @binding(3) var<storage, read> v: array<Vec>;
@group(0) @binding(4) var<storage, read> start: array<u32>;
@group(0) @binding(5) var<storage, read> dO: array<Vec>;
@group(0) @binding(6) var<storage, read> stats: array<f32>;
@group(0) @binding(7) var<storage, read_write> dQ: array<Vec>;

var<workgroup> q_tile: array<Vec, Q_TILE>;
var<workgroup> dO_tile: array<Vec, Q_TILE>;
var<workgroup> k_tile: array<Vec, K_TILE>;
var<workgroup> v_tile: array<Vec, K_TILE>;
var<workgroup> dS_tile: array<f32, SCORES>;

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
    let token = min(q0 + i / DV, params.tokens - 1u);
    let offset = (token * params.heads + head) * DV + i % DV;
    q_tile[i / DV * stride + i % DV] = q[offset];
    dO_tile[i / DV * stride + i % DV] = dO[offset];
  }
  var sums: array<Vec, TQ * DC>;
  let last = min(q0 + WY * TQ, params.tokens);
  for (var k0 = start[q0]; k0 < last; k0 += keys) {
    for (var i = lane; i < keys * DV; i += WX * WY) {
      let token = min(k0 + i / DV, params.tokens - 1u);
      let offset = (token * params.kv_heads + kv_head) * DV + i % DV;
      k_tile[i / DV * stride + i % DV] = k[offset];
      v_tile[i / DV * stride + i % DV] = v[offset];
    }
    workgroupBarrier();
    var score = array<f32, TQ * TK>();
    var dP = array<f32, TQ * TK>();
    for (var d = 0u; d < params.dv; d++) {
      for (var j = 0u; j < TK; j++) {
        let key = k_tile[(local.x + WX * j) * stride + d];
        let value = v_tile[(local.x + WX * j) * stride + d];
        for (var i = 0u; i < TQ; i++) {
          let at = (local.y * TQ + i) * stride + d;
          score[i * TK + j] += dot(q_tile[at], key);
          dP[i * TK + j] += dot(dO_tile[at], value);
        }
      }
    }
    for (var i = 0u; i < TQ; i++) {
      let token = min(q0 + local.y * TQ + i, params.tokens - 1u);
      let row = (token * params.heads + head) * 2u;
      for (var j = 0u; j < TK; j++) {
        let key = k0 + local.x + WX * j;
        var dS = 0.0;
        if (key >= start[token] && key <= token) {
          let p = exp(params.scale * score[i * TK + j] - stats[row]);
          dS = p * (dP[i * TK + j] - stats[row + 1u]);
        }
        dS_tile[(local.y * TQ + i) * keys + local.x + WX * j] = dS;
      }
    }
    workgroupBarrier();
    for (var j = 0u; j < params.edge; j++) {
      for (var i = 0u; i < TQ; i++) {
        let dS = dS_tile[(local.y * TQ + i) * keys + j];
        for (var c = 0u; c < DC; c++) {
          sums[i * DC + c] += dS * k_tile[j * stride + min(local.x + WX * c, DV)];
        }
      }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < TQ; i++) {
    let token = q0 + local.y * TQ + i;
    if (token >= params.tokens) { continue; }
    for (var c = 0u; c < DC; c++) {
      let d = local.x + WX * c;
      if (d < DV) {
        dQ[(token * params.heads + head) * DV + d] = params.scale * sums[i * DC + c];
      }
    }
  }
}
