// Entropy of softmax(logits), one row a token: entropy[m] = log Σ exp(z) − Σ softmax(z) · z, in nats
// logits: f32[rows, cols]  →  entropy: f32[rows]
// dispatch: rows, folded, one workgroup of WG per row; z is shifted by the row's largest
override WG: u32 = 256;

const LOWEST = -3.4028234e38;

struct Params { rows: u32, cols: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> entropy: array<f32>;

var<workgroup> maxima: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  var top = LOWEST;
  for (var c = lane; c < params.cols; c += WG) { top = max(top, logits[base + c]); }
  maxima[lane] = top;
  workgroupBarrier();
  for (var width = WG / 2u; width > 0u; width /= 2u) {
    if (lane < width) { maxima[lane] = max(maxima[lane], maxima[lane + width]); }
    workgroupBarrier();
  }
  let highest = maxima[0];
  var sum = 0.0;
  var moment = 0.0;
  for (var c = lane; c < params.cols; c += WG) {
    let z = logits[base + c] - highest;
    sum += exp(z);
    moment += exp(z) * z;
  }
  let total = workgroup_sum(sum, lane);
  let mean = workgroup_sum(moment, lane) / total;
  if (lane == 0u) { entropy[row] = log(total) - mean; }
}
