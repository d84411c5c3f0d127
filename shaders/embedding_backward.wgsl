// Embedding backward: dTable[ids[n], :] += dY[n, :], tokens in ascending order
// ids: u32[rows]  links: u32[rows], see embedding_links.wgsl  dY: f32[rows, cols]  →  dTable: f32[vocab, cols]
// dispatch: [rows, ceil(cols / WG), 1]; the workgroup of an id's first token goes from one of its tokens to
// the next and adds their rows, so that no two workgroups write one row; the others leave.
override WG: u32 = 64;

struct Params { rows: u32, cols: u32, vocab: u32, row0: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> links: array<u32>;
@group(0) @binding(3) var<storage, read> dY: array<f32>;
@group(0) @binding(4) var<storage, read_write> dTable: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let token = params.row0 + group.x;
  let id = ids[token];
  let col = group.y * WG + lane;
  if ((links[token] & 1u) == 1u || id >= params.vocab || col >= params.cols) { return; }
  var sum = dTable[id * params.cols + col];
  for (var n = token; n < params.rows; n = links[n] >> 1u) { sum += dY[n * params.cols + col]; }
  dTable[id * params.cols + col] = sum;
}
