// Matrices in 4 bits to f32: y[e] = levels[code(e)] · scale(e / 64), the scales in 8 bits themselves
// codes: u32[matrices · ⌈elements / 8⌉]  scales: u32[matrices · ⌈blocks / 4⌉]  ranges: f32[matrices · (1 + groups)]
// levels: f32[16 + 256]  →  y: Elem[..], from element `first` of all matrices on, `count` elements
// dispatch: ceil(count / WIDTH / WG), folded; one invocation for one Elem. Prelude: Elem (vec4f or f32)
override WG: u32 = 256;
override WIDTH: u32 = 4;

struct Params { elements: u32, first: u32, count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read> ranges: array<f32>;
@group(0) @binding(4) var<storage, read> levels: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<Elem>;

const BLOCK = 64u;
const GROUP = 256u;
const LEVELS = 16u;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WG + lane;
  if (i * WIDTH >= params.count) { return; }
  let at = params.first + i * WIDTH;
  let matrix = at / params.elements;
  let e = at % params.elements;
  let block = e / BLOCK;
  let blocks = (params.elements + BLOCK - 1u) / BLOCK;
  let code = (scales[matrix * ((blocks + 3u) / 4u) + block / 4u] >> (8u * (block % 4u))) & 0xffu;
  let range = matrix * (1u + (blocks + GROUP - 1u) / GROUP);
  let scale = levels[LEVELS + code] * ranges[range + 1u + block / GROUP] + ranges[range];
  let word = codes[matrix * ((params.elements + 7u) / 8u) + e / 8u] >> (4u * (e % 8u));
  y[i] = expand(word) * scale;
}
