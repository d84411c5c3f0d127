// Tiles of a product whose left factor runs along the inner dimension and whose right one runs along
// the columns: x_tile[row][k], w_tile[k][col] as vec4s. Needs WX, WY, TM, TN (a multiple of 4), BK4.
override X_TILE: u32 = 320; // WY · TM · STRIDE
override W_TILE: u32 = 256; // 4 · BK4 · WX · TN / 4
const STRIDE = BK4 + 1u;
const TN4 = TN / 4u;

var<workgroup> x_tile: array<vec4f, X_TILE>;
var<workgroup> w_tile: array<vec4f, W_TILE>;

fn multiply_tiles(sums: ptr<function, array<vec4f, TM * TN4>>, tx: u32, ty: u32) {
  for (var kk = 0u; kk < BK4; kk++) {
    for (var j = 0u; j < TN4; j++) {
      let at = kk * 4u * WX * TN4 + tx + WX * j;
      let right0 = w_tile[at];
      let right1 = w_tile[at + WX * TN4];
      let right2 = w_tile[at + 2u * WX * TN4];
      let right3 = w_tile[at + 3u * WX * TN4];
      for (var i = 0u; i < TM; i++) {
        let left = x_tile[(ty * TM + i) * STRIDE + kk];
        (*sums)[i * TN4 + j] +=
          left.x * right0 + left.y * right1 + left.z * right2 + left.w * right3;
      }
    }
  }
}
