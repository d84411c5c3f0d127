// Attention backward, last of three: dV = pᵀ dO, dK = scale · dSᵀ q,
//   dS = p (dO·v − delta), p = exp(scale · q·k − lse)                                    (Dao 2022, alg. 4)
// q, dO: Vec[tokens, heads, DV]  k, v: Vec[tokens, kv_heads, DV]  end: u32[tokens]
// stats: f32[tokens, heads, 2] = lse, delta  →  dK, dV: Vec[tokens, kv_heads, DV]
// dispatch: [ceil(tokens / (WY·TQ)), kv_heads, 1]; a workgroup owns its keys and passes over the queries of all
// heads that read them, in order: no atomics. Rows of a tile are keys here and columns are queries.
// Params: dv = DV and edge = WX · TK again, as loop bounds that no compiler unrolls (it may take minutes).
// Prelude: Vec (vec4f or vec2f), TQ (keys), TK (queries), DC = ceil(DV / WX)
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
@group(0) @binding(4) var<storage, read> end: array<u32>;
@group(0) @binding(5) var<storage, read> dO: array<Vec>;
@group(0) @binding(6) var<storage, read> stats: array<f32>;
@group(0) @binding(7) var<storage, read_write> dK: array<Vec>;
@group(0) @binding(8) var<storage, read_write> dV: array<Vec>;

var<workgroup> k_tile: array<Vec, Q_TILE>;
var<workgroup> v_tile: array<Vec, Q_TILE>;
var<workgroup> q_tile: array<Vec, K_TILE>;
var<workgroup> dO_tile: array<Vec, K_TILE>;
var<workgroup> p_tile: array<f32, SCORES>;
var<workgroup> dS_tile: array<f32, SCORES>;

@compute @workgroup_size(WX, WY)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let stride = DV + 1u;
  let queries = WX * TK;
  let k0 = group.x * WY * TQ;
  let kv_head = group.y;
  for (var i = lane; i < WY * TQ * DV; i += WX * WY) {
    let token = min(k0 + i / DV, params.tokens - 1u);
    let offset = (token * params.kv_heads + kv_head) * DV + i % DV;
    k_tile[i / DV * stride + i % DV] = k[offset];
    v_tile[i / DV * stride + i % DV] = v[offset];
  }
  var dK_sums: array<Vec, TQ * DC>;
  var dV_sums: array<Vec, TQ * DC>;
  let last = end[min(k0 + WY * TQ, params.tokens) - 1u];
  // The heads h with floor(h · kv_heads / heads) = kv_head.
  let first_head = (kv_head * params.heads + params.kv_heads - 1u) / params.kv_heads;
  let last_head = ((kv_head + 1u) * params.heads + params.kv_heads - 1u) / params.kv_heads;
  for (var head = first_head; head < last_head; head++) {
    for (var q0 = k0; q0 < last; q0 += queries) {
      for (var i = lane; i < queries * DV; i += WX * WY) {
        let token = min(q0 + i / DV, params.tokens - 1u);
        let offset = (token * params.heads + head) * DV + i % DV;
        q_tile[i / DV * stride + i % DV] = q[offset];
        dO_tile[i / DV * stride + i % DV] = dO[offset];
      }
      workgroupBarrier();
      var score = array<f32, TQ * TK>();
      var dP = array<f32, TQ * TK>();
      for (var d = 0u; d < params.dv; d++) {
        for (var j = 0u; j < TK; j++) {
          let query = q_tile[(local.x + WX * j) * stride + d];
          let upstream = dO_tile[(local.x + WX * j) * stride + d];
          for (var i = 0u; i < TQ; i++) {
            let at = (local.y * TQ + i) * stride + d;
            score[i * TK + j] += dot(query, k_tile[at]);
            dP[i * TK + j] += dot(upstream, v_tile[at]);
          }
        }
      }
      for (var j = 0u; j < TK; j++) {
        let token = q0 + local.x + WX * j;
        let row = (min(token, params.tokens - 1u) * params.heads + head) * 2u;
        for (var i = 0u; i < TQ; i++) {
          let key = min(k0 + local.y * TQ + i, params.tokens - 1u);
          var p = 0.0;
          var dS = 0.0;
          if (token >= key && token < end[key]) {
            p = exp(params.scale * score[i * TK + j] - stats[row]);
            dS = p * (dP[i * TK + j] - stats[row + 1u]);
          }
          let at = (local.y * TQ + i) * queries + local.x + WX * j;
          p_tile[at] = p;
          dS_tile[at] = dS;
        }
      }
      workgroupBarrier();
      for (var j = 0u; j < params.edge; j++) {
        for (var i = 0u; i < TQ; i++) {
          let p = p_tile[(local.y * TQ + i) * queries + j];
          let dS = dS_tile[(local.y * TQ + i) * queries + j];
          for (var c = 0u; c < DC; c++) {
            let at = j * stride + min(local.x + WX * c, DV);
            dV_sums[i * DC + c] += p * dO_tile[at];
            dK_sums[i * DC + c] += dS * q_tile[at];
          }
        }
      }
      workgroupBarrier();
    }
  }
  for (var i = 0u; i < TQ; i++) {
    let token = k0 + local.y * TQ + i;
    if (token >= params.tokens) { continue; }
    for (var c = 0u; c < DC; c++) {
      let d = local.x + WX * c;
      if (d < DV) {
        let at = (token * params.kv_heads + kv_head) * DV + d;
        dK[at] = params.scale * dK_sums[i * DC + c];
        dV[at] = dV_sums[i * DC + c];
      }
    }
  }
}
