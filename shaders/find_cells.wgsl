// The cell that each row's last token goes to: cell[n] = cell_of(n, last[n]), or IGNORED where left[n] is 0
// pages: u32[rows, width]  last, left: u32[rows]  →  cell: u32[rows]
// dispatch: ceil(rows / WG), folded; one invocation a row. Prelude: pages.wgsl
override WG: u32 = 64;

const IGNORED = 0xffffffffu;

struct Params { rows: u32, width: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> pages: array<u32>;
@group(0) @binding(2) var<storage, read> last: array<u32>;
@group(0) @binding(3) var<storage, read> left: array<u32>;
@group(0) @binding(4) var<storage, read_write> cell: array<u32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = (group.y * groups.x + group.x) * WG + lane;
  if (n >= params.rows) { return; }
  if (left[n] == 0u) {
    cell[n] = IGNORED;
    return;
  }
  cell[n] = cell_of(n, last[n]);
}
