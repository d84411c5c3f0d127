// A router's choice: experts[n, :] = the k largest of p = softmax(logits[n, :]), largest first, equal ones by
// index; scale[n, j] = p[experts[n, j]], divided by their sum if normalize     (Shazeer et al. 2017, eq. 4)
// logits: f32[rows, cols]  →  experts: u32[rows, k]  scale: f32[rows, k]
// dispatch: ceil(rows / WG), folded; one invocation for one row
override WG: u32 = 64;

struct Params { rows: u32, cols: u32, k: u32, normalize: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> experts: array<u32>;
@group(0) @binding(3) var<storage, read_write> scale: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = (group.y * groups.x + group.x) * WG + lane;
  if (n >= params.rows) { return; }
  let row = n * params.cols;
  var top = 0.0;
  var sum = 0.0;
  var last = params.cols;
  for (var j = 0u; j < params.k; j++) {
    // Where none compares (NaN), the j-th expert: an index that exists, and a scale that is NaN.
    var best = params.cols;
    for (var e = 0u; e < params.cols; e++) {
      let value = logits[row + e];
      var free = true;
      if (j > 0u) {
        let before = logits[row + last];
        free = value < before || (value == before && e > last);
      }
      if (free && (best == params.cols || value > logits[row + min(best, params.cols - 1u)])) {
        best = e;
      }
    }
    if (best == params.cols) { best = j; }
    if (j == 0u) { top = logits[row + best]; }
    let weight = exp(logits[row + best] - top);
    sum += weight;
    experts[n * params.k + j] = best;
    scale[n * params.k + j] = weight;
    last = best;
  }
  if (params.normalize == 0u) {
    sum = 0.0;
    for (var e = 0u; e < params.cols; e++) { sum += exp(logits[row + e] - top); }
  }
  for (var j = 0u; j < params.k; j++) { scale[n * params.k + j] /= sum; }
}
