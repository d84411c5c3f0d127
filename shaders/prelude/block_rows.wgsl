// Blocks of one product: WY · TM rows for each workgroup in y, and slice z of the inner range.
fn block_of(group: vec3u) -> Block {
  let inner0 = group.z * params.slice;
  let inner_end = min(inner0 + params.slice, params.k);
  let y0 = params.y0 + group.z * params.m * params.ldy;
  return Block(group.y * WY * TM, params.m, inner0, inner_end, 0u, 0u, y0);
}
