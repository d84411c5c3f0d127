// Sum of the rows of a token's experts: y[n, :] (=|+=) Σ_j x[place[n·k + j], :], j ascending
// x: Elem[rows · k, cols]  place: u32[rows · k]  →  y: Elem[rows, cols]
// dispatch: ceil(rows · cols / WG), folded; Elem is f32 or vec4f, cols counts them
override WG: u32 = 256;

struct Params { rows: u32, cols: u32, k: u32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Elem>;
@group(0) @binding(2) var<storage, read> place: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<Elem>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WG + lane;
  if (i >= params.rows * params.cols) { return; }
  let slot = i / params.cols * params.k;
  var sum = Elem();
  if (params.accumulate != 0u) { sum = y[i]; }
  for (var j = 0u; j < params.k; j++) {
    sum += x[place[slot + j] * params.cols + i % params.cols];
  }
  y[i] = sum;
}
