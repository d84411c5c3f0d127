// Inner product, first of two stages: partial[b] = Σ_{i in block b} a[i] · b[i]
// a, b: f32[n]  →  partial: f32[blocks]
// dispatch: [blocks, 1, 1]; a block is block_length elements, strided over WG lanes; sum.wgsl is the second stage
override WG: u32 = 256;

struct Params { n: u32, block_length: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = group.x * params.block_length;
  let last = min(first + params.block_length, params.n);
  var sum = 0.0;
  for (var i = first + lane; i < last; i += WG) { sum += a[i] * b[i]; }
  let total = workgroup_sum(sum, lane);
  if (lane == 0u) { partial[group.x] = total; }
}
