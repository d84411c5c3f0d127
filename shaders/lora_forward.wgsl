// Linear layer with its adapter: y = x wᵀ + xa bᵀ, xa as r more inner columns     (Hu et al. 2021, eq. 3)
// x: f32[m, k]  w: f32 | bf16 [n, k]  xa: f32[m, r]  b: f32[n, r]  →  y: f32[m, n], row length ldy, from column y0
// dispatch: [ceil(n / (WX·TN)), ceil(m / (WY·TM)), 1]; one invocation holds TM × TN sums.
// Prelude: loaders of x, w, xa and b, TM, TN, BK4, prelude/gemm_nt_tile.wgsl
override WX: u32 = 16;
override WY: u32 = 16;

struct Params { m: u32, n: u32, k: u32, r: u32, ldy: u32, y0: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Elem_x>;
@group(0) @binding(2) var<storage, read> w: array<Elem_w>;
@group(0) @binding(3) var<storage, read> xa: array<Elem_xa>;
@group(0) @binding(4) var<storage, read> b: array<Elem_b>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WX, WY)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row0 = group.y * WY * TM;
  let col0 = group.x * WX * TN;
  var sums: array<f32, TM * TN>;
  for (var k0 = 0u; k0 < params.k; k0 += 4u * BK4) {
    for (var i = lane; i < WY * TM * BK4; i += WX * WY) {
      let row = row0 + i / BK4;
      let at = k0 + i % BK4 * 4u;
      x_tile[i / BK4 * STRIDE + i % BK4] =
        load_x(row * params.k + at, valid(row < params.m, at, params.k));
    }
    for (var i = lane; i < WX * TN * BK4; i += WX * WY) {
      let col = col0 + i / BK4;
      let at = k0 + i % BK4 * 4u;
      w_tile[i / BK4 * STRIDE + i % BK4] =
        load_w(col * params.k + at, valid(col < params.n, at, params.k));
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
        load_xa(row * params.r + at, valid(row < params.m, at, params.r));
    }
    for (var i = lane; i < WX * TN * BK4; i += WX * WY) {
      let col = col0 + i / BK4;
      let at = k0 + i % BK4 * 4u;
      w_tile[i / BK4 * STRIDE + i % BK4] =
        load_b(col * params.r + at, valid(col < params.n, at, params.r));
    }
    workgroupBarrier();
    multiply_tiles(&sums, local.x, local.y);
    workgroupBarrier();
  }
  for (var i = 0u; i < TM; i++) {
    let row = row0 + local.y * TM + i;
    for (var j = 0u; j < TN; j++) {
      let col = col0 + local.x + WX * j;
      if (row < params.m && col < params.n) {
        y[row * params.ldy + params.y0 + col] = sums[i * TN + j];
      }
    }
  }
}
