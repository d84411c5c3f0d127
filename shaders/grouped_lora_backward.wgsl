// Input gradients of linear layers of groups of rows: dX (=|+=) dY w[g] + dXa a[g], dXa as r more inner columns
// dY: f32[rows, k]  w: f32 | bf16 [groups, k, n]  dXa: f32[rows, r]  a: f32[groups, r, n]  offsets: u32[groups + 1]
// →  dX: f32[rows, n]
// dispatch: [ceil(n / (WX·TN)), tiles of WY·TM rows, 1]; one invocation holds TM × TN sums.
// A stack larger than a binding goes in blocks of groups; `first` is the block's first.
// Prelude: loaders of dY, w, dXa and a, TM, TN, BK4, prelude/gemm_nn_tile.wgsl, prelude/group_tile.wgsl
override WX: u32 = 16;
override WY: u32 = 16;

struct Params { n: u32, k: u32, r: u32, groups: u32, first: u32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dY: array<Elem_dY>;
@group(0) @binding(2) var<storage, read> w: array<Elem_w>;
@group(0) @binding(3) var<storage, read> dXa: array<Elem_dXa>;
@group(0) @binding(4) var<storage, read> a: array<Elem_a>;
@group(0) @binding(5) var<storage, read> offsets: array<u32>;
@group(0) @binding(6) var<storage, read_write> dX: array<f32>;

@compute @workgroup_size(WX, WY)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = group_tile(group.y, WY * TM);
  if (tile.row0 >= tile.end) { return; }
  let row0 = tile.row0;
  let w0 = (tile.group - params.first) * params.k * params.n;
  let a0 = tile.group * params.r * params.n;
  let col0 = group.x * WX * TN;
  var sums: array<vec4f, TM * TN4>;
  for (var k0 = 0u; k0 < params.k; k0 += 4u * BK4) {
    for (var i = lane; i < WY * TM * BK4; i += WX * WY) {
      let row = row0 + i / BK4;
      let at = k0 + i % BK4 * 4u;
      x_tile[i / BK4 * STRIDE + i % BK4] =
        load_dY(row * params.k + at, valid(row < tile.end, at, params.k));
    }
    for (var i = lane; i < 4u * BK4 * WX * TN4; i += WX * WY) {
      let kk = k0 + i / (WX * TN4);
      let col = col0 + i % (WX * TN4) * 4u;
      w_tile[i] = load_w(w0 + kk * params.n + col, valid(kk < params.k, col, params.n));
    }
    workgroupBarrier();
    multiply_tiles(&sums, local.x, local.y);
    workgroupBarrier();
  }
  for (var k0 = 0u; k0 < params.r; k0 += 4u * BK4) {
    for (var i = lane; i < WY * TM * BK4; i += WX * WY) {
      let row = row0 + i / BK4;
      let at = k0 + i % BK4 * 4u;
      x_tile[i / BK4 * STRIDE + i % BK4] =
        load_dXa(row * params.r + at, valid(row < tile.end, at, params.r));
    }
    for (var i = lane; i < 4u * BK4 * WX * TN4; i += WX * WY) {
      let kk = k0 + i / (WX * TN4);
      let col = col0 + i % (WX * TN4) * 4u;
      w_tile[i] = load_a(a0 + kk * params.n + col, valid(kk < params.r, col, params.n));
    }
    workgroupBarrier();
    multiply_tiles(&sums, local.x, local.y);
    workgroupBarrier();
  }
  for (var i = 0u; i < TM; i++) {
    let row = row0 + local.y * TM + i;
    for (var j = 0u; j < TN4; j++) {
      let col = col0 + (local.x + WX * j) * 4u;
      let count = valid(row < tile.end, col, params.n);
      for (var c = 0u; c < count; c++) {
        let at = row * params.n + col + c;
        var value = sums[i * TN4 + j][c];
        if (params.accumulate != 0u) { value += dX[at]; }
        dX[at] = value;
      }
    }
  }
}
