// Matrix product: y (=|+=) alpha · x w
// x: f32[m, k], row length ldx, from column x0   w: f32 | bf16 [k, n]   →   y: f32[m, n]
// dispatch: [ceil(n / (WX·TN)), ceil(m / (WY·TM)), 1]; one invocation holds TM × TN sums.
// Prelude: loaders of x and w, TM, TN, BK4, prelude/gemm_nn_tile.wgsl
override WX: u32 = 16;
override WY: u32 = 16;

struct Params { m: u32, n: u32, k: u32, ldx: u32, x0: u32, alpha: f32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Elem_x>;
@group(0) @binding(2) var<storage, read> w: array<Elem_w>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WX, WY)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row0 = group.y * WY * TM;
  let col0 = group.x * WX * TN;
  var sums: array<vec4f, TM * TN4>;
  for (var k0 = 0u; k0 < params.k; k0 += 4u * BK4) {
    for (var i = lane; i < WY * TM * BK4; i += WX * WY) {
      let row = row0 + i / BK4;
      let at = k0 + i % BK4 * 4u;
      x_tile[i / BK4 * STRIDE + i % BK4] =
        load_x(row * params.ldx + params.x0 + at, valid(row < params.m, at, params.k));
    }
    for (var i = lane; i < 4u * BK4 * WX * TN4; i += WX * WY) {
      let kk = k0 + i / (WX * TN4);
      let col = col0 + i % (WX * TN4) * 4u;
      w_tile[i] = load_w(kk * params.n + col, valid(kk < params.k, col, params.n));
    }
    workgroupBarrier();
    multiply_tiles(&sums, local.x, local.y);
    workgroupBarrier();
  }
  for (var i = 0u; i < TM; i++) {
    let row = row0 + local.y * TM + i;
    for (var j = 0u; j < TN4; j++) {
      let col = col0 + (local.x + WX * j) * 4u;
      let count = valid(row < params.m, col, params.n);
      for (var c = 0u; c < count; c++) {
        let at = row * params.n + col + c;
        var value = params.alpha * sums[i * TN4 + j][c];
        if (params.accumulate != 0u) { value += y[at]; }
        y[at] = value;
      }
    }
  }
}
