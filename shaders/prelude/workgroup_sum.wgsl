// Σ over the workgroup of one number per lane, in a fixed order; every lane gets the sum.
// Needs `override WG: u32` (a power of two) in the kernel, and a uniform call.
var<workgroup> partial_sums: array<f32, WG>;

fn workgroup_sum(value: f32, lane: u32) -> f32 {
  workgroupBarrier(); // the last call's result has been read
  partial_sums[lane] = value;
  workgroupBarrier();
  for (var width = WG / 2u; width > 0u; width /= 2u) {
    if (lane < width) { partial_sums[lane] += partial_sums[lane + width]; }
    workgroupBarrier();
  }
  return partial_sums[0];
}
