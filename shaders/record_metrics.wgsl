// Metrics ring: ring[2 · slot] = loss, ring[2 · slot + 1] = sqrt(sumsq); then loss = 0
// sumsq: f32[1]  slot: u32[1]  →  loss: f32[1]  ring: f32[slots, 2]
// dispatch: [1, 1, 1], one invocation
@group(0) @binding(0) var<storage, read_write> loss: array<f32>;
@group(0) @binding(1) var<storage, read> sumsq: array<f32>;
@group(0) @binding(2) var<storage, read> slot: array<u32>;
@group(0) @binding(3) var<storage, read_write> ring: array<f32>;

@compute @workgroup_size(1)
fn main() {
  let at = 2u * slot[0];
  // A slot past the end would land on the last one under WebGPU's bounds rule.
  if (at + 1u < arrayLength(&ring)) {
    ring[at] = loss[0];
    ring[at + 1u] = sqrt(sumsq[0]);
  }
  loss[0] = 0.0;
}
