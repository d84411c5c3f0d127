// Entropy of softmax(logits), one row a token: entropy[m] = log Σ exp(z) − Σ softmax(z) · z, in nats
// logits: f32[rows, cols]  →  entropy: f32[rows]
// dispatch: rows, folded, one workgroup of WG per row; z is shifted by the row's largest
override WG: u32 = 256;

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> entropy: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let moments = row_moments(base, lane);
  if (lane == 0u) { entropy[row] = log(moments.y) - moments.z / moments.y; }
}
