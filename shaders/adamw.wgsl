// AdamW, then g = 0                                  (Loshchilov & Hutter 2019, alg. 2, as in PyTorch)
//   g ← g · min(1, max_grad_norm / (sqrt(sumsq) + 1e-6)) if max_grad_norm > 0
//   p ← p · (1 − lr · weight_decay),  m ← beta1 · m + (1 − beta1) · g,  v ← beta2 · v + (1 − beta2) · g²
//   p ← p − lr / (1 − beta1^t) · m / (sqrt(v) / sqrt(1 − beta2^t) + eps)
// hyper: f32[8] = lr, beta1, beta2, eps, weight_decay, 1 − beta1^t, 1 − beta2^t, max_grad_norm
// sumsq: f32[1]  →  p, g, m, v: Elem[n], in place; lr is hyper's times lr_scale
// dispatch: ceil(n / WG), folded; Elem is f32 or vec4f
override WG: u32 = 256;

struct Params { n: u32, lr_scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> p: array<Elem>;
@group(0) @binding(2) var<storage, read_write> g: array<Elem>;
@group(0) @binding(3) var<storage, read_write> m: array<Elem>;
@group(0) @binding(4) var<storage, read_write> v: array<Elem>;
@group(0) @binding(5) var<storage, read> hyper: array<f32>;
@group(0) @binding(6) var<storage, read> sumsq: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WG + lane;
  if (i >= params.n) { return; }
  let lr = hyper[0] * params.lr_scale;
  let beta1 = hyper[1];
  let beta2 = hyper[2];
  var clip = 1.0;
  if (hyper[7] > 0.0) { clip = min(1.0, hyper[7] / (sqrt(sumsq[0]) + 1e-6)); }
  let gradient = g[i] * clip;
  let first = beta1 * m[i] + (1.0 - beta1) * gradient;
  let second = beta2 * v[i] + (1.0 - beta2) * gradient * gradient;
  let denominator = sqrt(second) / sqrt(hyper[6]) + Elem(hyper[3]);
  p[i] = p[i] * (1.0 - lr * hyper[4]) - lr / hyper[5] * first / denominator;
  m[i] = first;
  v[i] = second;
  g[i] = Elem(0.0);
}
