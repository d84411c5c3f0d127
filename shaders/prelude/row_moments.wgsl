// Largest, Σ exp(z) and Σ exp(z) · z of the row of logits from base on, z = logits − largest.
// Needs `params.cols`, `logits`, and the preludes workgroup_max and workgroup_sum.
fn row_moments(base: u32, lane: u32) -> vec3f {
  var top = -3.4028234e38;
  for (var c = lane; c < params.cols; c += WG) { top = max(top, logits[base + c]); }
  let highest = workgroup_max(top, lane);
  var sum = 0.0;
  var moment = 0.0;
  for (var c = lane; c < params.cols; c += WG) {
    let z = logits[base + c] - highest;
    sum += exp(z);
    moment += exp(z) * z;
  }
  let total = workgroup_sum(sum, lane);
  return vec3f(highest, total, workgroup_sum(moment, lane));
}
