// Embedding backward: dTable[ids[n], :] += dY[n, :], tokens in ascending order
// ids: u32[rows]  dY: f32[rows, cols]  →  dTable: f32[vocab, cols]
// dispatch: [rows, ceil(cols / WG), 1]; the workgroup of an id's first token adds the rows of all its
// tokens, so that no two workgroups write one row and no atomics are needed; the others leave.
override WG: u32 = 64;

struct Params { rows: u32, cols: u32, vocab: u32, row0: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> dY: array<f32>;
@group(0) @binding(3) var<storage, read_write> dTable: array<f32>;

var<workgroup> seen: atomic<u32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let token = params.row0 + group.x;
  let id = ids[token];
  var earlier = 0u;
  for (var n = lane; n < token; n += WG) { earlier |= u32(ids[n] == id); }
  if (earlier != 0u) { atomicOr(&seen, 1u); }
  workgroupBarrier();
  if (atomicLoad(&seen) != 0u || id >= params.vocab) { return; }
  let col = group.y * WG + lane;
  if (col >= params.cols) { return; }
  var sum = dTable[id * params.cols + col];
  for (var n = token; n < params.rows; n++) {
    if (ids[n] == id) { sum += dY[n * params.cols + col]; }
  }
  dTable[id * params.cols + col] = sum;
}
