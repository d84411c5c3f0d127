// Tiles of a product whose factors both run along the inner dimension: x_tile[row][k], w_tile[col][k] as
// vec4s. Rows of a tile are one vec4 longer than they need to be, so that neighbours in x read
// different banks. Needs WX, WY, TM, TN, BK4.
override X_TILE: u32 = 320; // WY · TM · STRIDE
override W_TILE: u32 = 320; // WX · TN · STRIDE
const STRIDE = BK4 + 1u;

var<workgroup> x_tile: array<vec4f, X_TILE>;
var<workgroup> w_tile: array<vec4f, W_TILE>;

fn multiply_tiles(sums: ptr<function, array<f32, TM * TN>>, tx: u32, ty: u32) {
  for (var kk = 0u; kk < BK4; kk++) {
    var right: array<vec4f, TN>;
    for (var j = 0u; j < TN; j++) { right[j] = w_tile[(tx + WX * j) * STRIDE + kk]; }
    for (var i = 0u; i < TM; i++) {
      let left = x_tile[(ty * TM + i) * STRIDE + kk];
      for (var j = 0u; j < TN; j++) { (*sums)[i * TN + j] += dot(left, right[j]); }
    }
  }
}
