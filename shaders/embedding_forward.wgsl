// Embedding forward: y[n, :] = table[ids[n], :] for the ids in [first, first + vocab)
// ids: u32[rows]  table: f32 | bf16 [vocab, cols]  →  y: f32[rows, cols]
// dispatch: ceil(rows · ceil(cols / 4) / WG), folded; one invocation for four columns.
// A table larger than a binding goes in blocks of rows; `first` is the block's first row.
// Prelude: table, an operand (descriptions/operands.ts) bound from 3 on
override WG: u32 = 256;

struct Params { rows: u32, cols: u32, vocab: u32, first: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WG + lane;
  let quads = (params.cols + 3u) / 4u;
  let row = i / quads;
  if (row >= params.rows) { return; }
  // An id below the block wraps round to a large number.
  let id = ids[row] - params.first;
  if (id >= params.vocab) { return; }
  let col = i % quads * 4u;
  let left = min(params.cols - col, 4u);
  let value = table(0u, id * params.cols + col, left);
  for (var c = 0u; c < left; c++) { y[row * params.cols + col + c] = value[c]; }
}
