// For the gradient of an embedding: where each token's id comes again, and whether it came before.
// ids: u32[rows]  →  links: u32[rows] = 2 · (next token of the id, rows if there is none) + (1 if there is an
// earlier one)
// dispatch: ceil(rows / WG) workgroups, one invocation a token; ids go by in tiles of WG that a workgroup
// reads once, so that rows² comparisons cost rows² / WG reads.
override WG: u32 = 256;

struct Params { rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> links: array<u32>;

var<workgroup> tile: array<u32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let token = (group.y * groups.x + group.x) * WG + lane;
  let id = ids[min(token, params.rows - 1)];
  var earlier = 0u;
  var next = params.rows;
  for (var base = 0u; base < params.rows; base += WG) {
    workgroupBarrier();
    tile[lane] = ids[min(base + lane, params.rows - 1)];
    workgroupBarrier();
    for (var i = 0u; i < min(WG, params.rows - base); i++) {
      if (tile[i] != id) { continue; }
      if (base + i < token) { earlier = 1u; }
      if (base + i > token) { next = min(next, base + i); }
    }
  }
  if (token < params.rows) { links[token] = 2 * next + earlier; }
}
