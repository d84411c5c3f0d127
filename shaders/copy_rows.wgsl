// Rows of one matrix to rows of another: y[to[i], :] = x[from[i], :], where to[i] is not IGNORED
// from, to: u32[rows]  x: Elem[.., cols]  →  y: Elem[.., cols]
// dispatch: ceil(rows · cols / WG), folded; one invocation for one Elem. Prelude: Elem (vec4u or u32):
// words are moved as they are, whatever they mean
override WG: u32 = 256;

const IGNORED = 0xffffffffu;

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Elem>;
@group(0) @binding(2) var<storage, read> source: array<u32>;
@group(0) @binding(3) var<storage, read> destination: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<Elem>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WG + lane;
  let row = i / params.cols;
  if (row >= params.rows) { return; }
  let to = destination[row];
  if (to == IGNORED) { return; }
  let col = i % params.cols;
  y[to * params.cols + col] = x[source[row] * params.cols + col];
}
