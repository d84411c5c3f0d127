// Sum: y[0] (=|+=) Σ x[i]
// x: f32[n]  →  y: f32[1]
// dispatch: [1, 1, 1], one workgroup of WG
override WG: u32 = 256;

struct Params { n: u32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < params.n; i += WG) { sum += x[i]; }
  var total = workgroup_sum(sum, lane);
  if (lane != 0u) { return; }
  if (params.accumulate != 0u) { total += y[0]; }
  y[0] = total;
}
