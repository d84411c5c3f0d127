// Matrix product: y (=|+=) alpha · Σ_k left[row, k] · right[k, col], with an adapter as r more inner columns
// left: f32, right: f32 | bf16 | nf4 matrices (descriptions/operands.ts)   →   y: f32[m, n], row length ldy, from y0 on
// dispatch: [ceil(n / (WX·TN)), blocks of WY·TM rows, slices or groups]; one invocation holds TM × TN sums.
// Prelude: operands, prelude/block_*.wgsl (which rows and which inner range a workgroup takes), TM, TN, Sums (f32, or
// vec4f where rows of y divide by 4) and multiply(), one of the variants of descriptions/product_wgsl.ts. Each sums
// over k ascending.
override WX: u32 = 16;
override WY: u32 = 16;
override ACCUMULATE: u32 = 0;

// x begins at column x0 of rows of length ldx; rows of w have length ldw; slice is the inner length of a workgroup;
// a stack of matrices goes in blocks of `groups` from group `first` on.
struct Params {
  m: u32, n: u32, k: u32, r: u32, ldx: u32, x0: u32, ldw: u32, ldy: u32, y0: u32,
  slice: u32, first: u32, groups: u32, alpha: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<Sums>;

// Rows [row0, row_end) and the inner range [inner0, inner_end); which matrix of the block of w, of the whole stack
// (its adapter's), and where the result begins.
struct Block {
  row0: u32, row_end: u32, inner0: u32, inner_end: u32, matrix: u32, stacked: u32, y0: u32,
}

@compute @workgroup_size(WX, WY)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let block = block_of(group);
  if (block.row0 >= block.row_end) { return; }
  multiply(block, group.x * WX * TN, local.x, local.y, lane);
}
