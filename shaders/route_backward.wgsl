// Gradient of a router's logits for the choice that it made: dLogits = p (dP − Σ_j scale[j] · dScale[j]), p = scale if
// normalize, else softmax(logits); dP = dScale of a chosen expert, 0 of the others
// logits: f32[rows, cols]  experts: u32[rows, k]  scale, dScale: f32[rows, k]  →  dLogits: f32[rows, cols]
// dispatch: ceil(rows / WG), folded; one invocation for one row
override WG: u32 = 64;

struct Params { rows: u32, cols: u32, k: u32, normalize: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> experts: array<u32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
@group(0) @binding(4) var<storage, read> dScale: array<f32>;
@group(0) @binding(5) var<storage, read_write> dLogits: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = (group.y * groups.x + group.x) * WG + lane;
  if (n >= params.rows) { return; }
  let row = n * params.cols;
  let slot = n * params.k;
  var mean = 0.0;
  for (var j = 0u; j < params.k; j++) { mean += scale[slot + j] * dScale[slot + j]; }
  // The first choice has the largest logit.
  let top = logits[row + experts[slot]];
  var sum = 0.0;
  if (params.normalize == 0u) {
    for (var e = 0u; e < params.cols; e++) { sum += exp(logits[row + e] - top); }
  }
  for (var e = 0u; e < params.cols; e++) {
    var gradient = 0.0;
    if (params.normalize == 0u) { gradient = -mean * exp(logits[row + e] - top) / sum; }
    dLogits[row + e] = gradient;
  }
  for (var j = 0u; j < params.k; j++) {
    var own = scale[slot + j] * dScale[slot + j];
    if (params.normalize != 0u) { own -= scale[slot + j] * mean; }
    dLogits[row + experts[slot + j]] += own;
  }
}
