// Cross-entropy of logits, one row a token:
//   nll[m] = log Σ exp(logits[m, :]) − logits[m, target], 0 where the target is IGNORED
//   backward: logits[m, :] = weight[m] · (softmax(logits[m, :]) − onehot(target)), 0 where ignored
// targets: u32[rows]  weight: f32[rows]  →  logits: f32[rows, cols], in place  nll: f32[rows]
// dispatch: rows, folded, one workgroup of WG per row; maximum and sum in one pass (Milakov & Gimelshein 2018)
override WG: u32 = 256;

const IGNORED = 0xffffffffu;
const LOWEST = -3.4028234e38;

struct Params { rows: u32, cols: u32, backward: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> nll: array<f32>;

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
  let ignored = target_id == IGNORED;

  var top = LOWEST;
  var sum = 0.0;
  for (var c = lane; c < params.cols; c += WG) {
    let value = logits[base + c];
    let higher = max(top, value);
    sum = sum * exp(top - higher) + exp(value - higher);
    top = higher;
  }
  let highest = workgroup_max(top, lane);
  let total = workgroup_sum(sum * exp(top - highest), lane);

  if (lane == 0u) {
    var loss = 0.0;
    if (!ignored) { loss = highest + log(total) - logits[base + target_id]; }
    nll[row] = loss;
  }
  if (params.backward == 0u) { return; }
  storageBarrier(); // the target's logit has been read
  for (var c = lane; c < params.cols; c += WG) {
    var gradient = 0.0;
    if (!ignored) {
      let p = exp(logits[base + c] - highest) / total;
      gradient = weight[row] * (p - f32(c == target_id));
    }
    logits[base + c] = gradient;
  }
}
