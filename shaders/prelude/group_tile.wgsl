// Which rows a workgroup takes where rows lie in groups: tiles of up to `height` rows, none across two
// groups, of the groups `first` … `first + groups − 1`. A workgroup beyond the last tile gets no rows.
// Needs `offsets`, `params.first` and `params.groups`; the result is the same for all invocations.
struct GroupTile { group: u32, row0: u32, end: u32 }

fn group_tile(index: u32, height: u32) -> GroupTile {
  var left = index;
  for (var g = params.first; g < params.first + params.groups; g++) {
    let first = offsets[g];
    let end = offsets[g + 1u];
    let tiles = (end - first + height - 1u) / height;
    if (left < tiles) { return GroupTile(g, first + left * height, end); }
    left -= tiles;
  }
  return GroupTile(0u, 0u, 0u);
}
