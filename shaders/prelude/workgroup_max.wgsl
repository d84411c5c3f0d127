// The largest of one number per lane; every lane gets it.
// Needs `override WG: u32` (a power of two) in the kernel, one uniform call.
var<workgroup> maxima: array<f32, WG>;

fn workgroup_max(value: f32, lane: u32) -> f32 {
  maxima[lane] = value;
  workgroupBarrier();
  for (var width = WG / 2u; width > 0u; width /= 2u) {
    if (lane < width) { maxima[lane] = max(maxima[lane], maxima[lane + width]); }
    workgroupBarrier();
  }
  return maxima[0];
}
