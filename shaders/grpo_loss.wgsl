// The clipped policy-gradient loss of sampled tokens (Shao et al. 2024, eq. 3; by sequence: Zheng et al.
// 2025, eq. 5) and the weight that makes cross-entropy's backward pass its gradient:
//   ratio = exp(logp − old_logp), or exp of that difference's mean over the sequence's counted tokens
//   l = −min(ratio · A, clamp(ratio, low, high) · A) + beta · kl,  kl = exp(ref − logp) − (ref − logp) − 1
//   weight = −share · dl/dlogp; all 0 where share is 0, which is equal within a sequence elsewhere
// nll, ref_nll, entropy: f32[tokens]  sampled: f32[tokens, 3] = (old_logp, A, share)  start, end: u32[tokens]
//   →  weight: f32[tokens]  terms: f32[tokens, 5] = (share · l, |ratio − 1|, clipped, kl, entropy)
// dispatch: ceil(tokens / WG), folded
override WG: u32 = 64;

struct Params { tokens: u32, by_sequence: u32, low: f32, high: f32, beta: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> nll: array<f32>;
@group(0) @binding(2) var<storage, read> ref_nll: array<f32>;
@group(0) @binding(3) var<storage, read> entropy: array<f32>;
@group(0) @binding(4) var<storage, read> sampled: array<f32>;
@group(0) @binding(5) var<storage, read> start: array<u32>;
@group(0) @binding(6) var<storage, read> end: array<u32>;
@group(0) @binding(7) var<storage, read_write> weight: array<f32>;
@group(0) @binding(8) var<storage, read_write> terms: array<f32>;

fn log_ratio(n: u32) -> f32 { return -nll[n] - sampled[3u * n]; }

fn share_of(n: u32) -> f32 { return sampled[3u * n + 2u]; }

fn mean_log_ratio(n: u32) -> f32 {
  var total = 0.0;
  var counted = 0.0;
  for (var t = start[n]; t < end[n]; t++) {
    if (share_of(t) != 0.0) {
      total += log_ratio(t);
      counted += 1.0;
    }
  }
  return total / counted;
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = (group.y * groups.x + group.x) * WG + lane;
  if (n >= params.tokens) { return; }
  let out = 5u * n;
  let share = share_of(n);
  if (share == 0.0) {
    weight[n] = 0.0;
    for (var i = 0u; i < 5u; i++) { terms[out + i] = 0.0; }
    return;
  }
  var difference = log_ratio(n);
  if (params.by_sequence != 0u) { difference = mean_log_ratio(n); }
  let ratio = exp(difference);
  let advantage = sampled[3u * n + 1u];
  let above = advantage > 0.0 && ratio > params.high;
  let below = advantage < 0.0 && ratio < params.low;
  let clipped = above || below;
  let bounded = select(select(ratio, params.low, below), params.high, above);
  let behind = nll[n] - ref_nll[n];
  let pull = exp(behind);
  let kl = pull - behind - 1.0;
  let slope = select(advantage * ratio, 0.0, clipped);
  weight[n] = share * (slope - params.beta * (1.0 - pull));
  terms[out] = share * (params.beta * kl - bounded * advantage);
  terms[out + 1u] = abs(ratio - 1.0);
  terms[out + 2u] = f32(clipped);
  terms[out + 3u] = kl;
  terms[out + 4u] = entropy[n];
}
