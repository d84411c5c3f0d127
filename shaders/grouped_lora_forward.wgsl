// Linear layers of groups of rows, with their adapters: y = x w[g]ᵀ + xa b[g]ᵀ, xa as r more inner columns
// x: f32[rows, k]  w: f32 | bf16 [groups, n, k]  xa: f32[rows, r]  b: f32[groups, n, r]  offsets: u32[groups + 1]
// →  y: f32[rows, n]
// dispatch: [ceil(n / (WX·TN)), tiles of WY·TM rows, 1]; one invocation holds TM × TN sums.
// A stack larger than a binding goes in blocks of groups; `first` is the block's first.
// Prelude: loaders of x, w, xa and b, TM, TN, BK4, prelude/gemm_nt_tile.wgsl, prelude/group_tile.wgsl
override WX: u32 = 16;
override WY: u32 = 16;

struct Params { n: u32, k: u32, r: u32, groups: u32, first: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Elem_x>;
@group(0) @binding(2) var<storage, read> w: array<Elem_w>;
@group(0) @binding(3) var<storage, read> xa: array<Elem_xa>;
@group(0) @binding(4) var<storage, read> b: array<Elem_b>;
@group(0) @binding(5) var<storage, read> offsets: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WX, WY)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = group_tile(group.y, WY * TM);
  if (tile.row0 >= tile.end) { return; }
  let row0 = tile.row0;
  let w0 = (tile.group - params.first) * params.n * params.k;
  let b0 = tile.group * params.n * params.r;
  let col0 = group.x * WX * TN;
  var sums: array<f32, TM * TN>;
  for (var k0 = 0u; k0 < params.k; k0 += 4u * BK4) {
    for (var i = lane; i < WY * TM * BK4; i += WX * WY) {
      let row = row0 + i / BK4;
      let at = k0 + i % BK4 * 4u;
      x_tile[i / BK4 * STRIDE + i % BK4] =
        load_x(row * params.k + at, valid(row < tile.end, at, params.k));
    }
    for (var i = lane; i < WX * TN * BK4; i += WX * WY) {
      let col = col0 + i / BK4;
      let at = k0 + i % BK4 * 4u;
      w_tile[i / BK4 * STRIDE + i % BK4] =
        load_w(w0 + col * params.k + at, valid(col < params.n, at, params.k));
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
        load_xa(row * params.r + at, valid(row < tile.end, at, params.r));
    }
    for (var i = lane; i < WX * TN * BK4; i += WX * WY) {
      let col = col0 + i / BK4;
      let at = k0 + i % BK4 * 4u;
      w_tile[i / BK4 * STRIDE + i % BK4] =
        load_b(b0 + col * params.r + at, valid(col < params.n, at, params.r));
    }
    workgroupBarrier();
    multiply_tiles(&sums, local.x, local.y);
    workgroupBarrier();
  }
  for (var i = 0u; i < TM; i++) {
    let row = row0 + local.y * TM + i;
    for (var j = 0u; j < TN; j++) {
      let col = col0 + local.x + WX * j;
      if (row < tile.end && col < params.n) {
        y[row * params.n + col] = sums[i * TN + j];
      }
    }
  }
}
