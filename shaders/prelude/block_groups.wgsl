// Blocks where rows lie in groups with a matrix each: up to WY · TM rows, none across two groups, of the groups
// first … first + groups − 1. A workgroup beyond the last block gets no rows.
@group(0) @binding(2) var<storage, read> offsets: array<u32>;

fn block_of(group: vec3u) -> Block {
  let height = WY * TM;
  var left = group.y;
  for (var g = params.first; g < params.first + params.groups; g++) {
    let start = offsets[g];
    let end = offsets[g + 1u];
    let blocks = (end - start + height - 1u) / height;
    if (left < blocks) {
      return Block(start + left * height, end, 0u, params.k, g - params.first, g, params.y0);
    }
    left -= blocks;
  }
  return Block();
}
