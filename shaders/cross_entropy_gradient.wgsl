// Gradient of the loss with respect to a tile of logits, columns first … first + cols − 1 of each row, in place:
//   logits[m, :] = weight[m] · (exp(logits[m, :] − state[m].x) / state[m].y − onehot(target)), 0 where IGNORED
// targets: u32[rows]  weight: f32[rows]  state: vec4f[rows], of whole rows  →  logits: f32[rows, cols]
// dispatch: rows, folded, one workgroup of WG per row
override WG: u32 = 256;

const IGNORED = 0xffffffffu;

struct Params { rows: u32, cols: u32, first: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> state: array<vec4f>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let target_id = targets[row];
  let known = state[row];
  for (var c = lane; c < params.cols; c += WG) {
    var gradient = 0.0;
    if (target_id != IGNORED) {
      let p = exp(logits[base + c] - known.x) / known.y;
      gradient = weight[row] * (p - f32(params.first + c == target_id));
    }
    logits[base + c] = gradient;
  }
}
