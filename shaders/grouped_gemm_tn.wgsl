// Weight gradients of groups of rows: y[g] += alpha · aᵀ b over the rows of group g
// a: f32[rows, m]  b: f32[rows, n]  offsets: u32[groups + 1]  →  y: f32[groups, m, n]
// dispatch: [ceil(n / (WX·TN)), ceil(m / (WY·TM)), groups]; one invocation holds TM × TN sums.
// Prelude: loaders of a and b, TM and TN (multiples of 4), BK4
override WX: u32 = 16;
override WY: u32 = 16;
override A_TILE: u32 = 256; // 4 · BK4 · WY · TM / 4
override B_TILE: u32 = 256; // 4 · BK4 · WX · TN / 4
const BK = 4u * BK4;
const TM4 = TM / 4u;
const TN4 = TN / 4u;

struct Params { m: u32, n: u32, alpha: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<Elem_a>;
@group(0) @binding(2) var<storage, read> b: array<Elem_b>;
@group(0) @binding(3) var<storage, read> offsets: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

var<workgroup> a_tile: array<vec4f, A_TILE>; // [k][row]
var<workgroup> b_tile: array<vec4f, B_TILE>; // [k][col]

@compute @workgroup_size(WX, WY)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row0 = group.y * WY * TM;
  let col0 = group.x * WX * TN;
  let first = offsets[group.z];
  let last = offsets[group.z + 1u];
  var sums: array<vec4f, TM * TN4>;
  for (var k0 = first; k0 < last; k0 += BK) {
    for (var i = lane; i < BK * WY * TM4; i += WX * WY) {
      let kk = k0 + i / (WY * TM4);
      let row = row0 + i % (WY * TM4) * 4u;
      a_tile[i] = load_a(kk * params.m + row, valid(kk < last, row, params.m));
    }
    for (var i = lane; i < BK * WX * TN4; i += WX * WY) {
      let kk = k0 + i / (WX * TN4);
      let col = col0 + i % (WX * TN4) * 4u;
      b_tile[i] = load_b(kk * params.n + col, valid(kk < last, col, params.n));
    }
    workgroupBarrier();
    for (var kk = 0u; kk < BK; kk++) {
      for (var j = 0u; j < TN4; j++) {
        let right = b_tile[kk * WX * TN4 + local.x + WX * j];
        for (var i = 0u; i < TM4; i++) {
          let left = a_tile[kk * WY * TM4 + local.y * TM4 + i];
          let at = i * 4u * TN4 + j;
          sums[at] += left.x * right;
          sums[at + TN4] += left.y * right;
          sums[at + 2u * TN4] += left.z * right;
          sums[at + 3u * TN4] += left.w * right;
        }
      }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < TM; i++) {
    let row = row0 + local.y * TM + i;
    for (var j = 0u; j < TN4; j++) {
      let col = col0 + (local.x + WX * j) * 4u;
      let count = valid(row < params.m, col, params.n);
      for (var c = 0u; c < count; c++) {
        let at = (group.z * params.m + row) * params.n + col + c;
        y[at] += params.alpha * sums[i * TN4 + j][c];
      }
    }
  }
}
