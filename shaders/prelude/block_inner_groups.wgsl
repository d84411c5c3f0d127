// Blocks of products whose inner range lies in groups, one result each: group z sums over its own range.
@group(0) @binding(2) var<storage, read> offsets: array<u32>;

fn block_of(group: vec3u) -> Block {
  let y0 = params.y0 + group.z * params.m * params.ldy;
  return Block(group.y * WY * TM, params.m, offsets[group.z], offsets[group.z + 1u], 0u, 0u, y0);
}
