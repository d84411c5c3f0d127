// Folds a tile of logits, columns first … first + cols − 1 of each row, into what is known of the row:
//   state[m] = (largest, Σ exp(z), Σ exp(z) · z, the target's logit or NaN), z = logits − largest
//   nll[m] = log Σ exp(z) + largest − target's, 0 where the target is IGNORED
//   entropy[m] = log Σ exp(z) − Σ exp(z) · z / Σ exp(z)
// logits: f32[rows, cols]  targets: u32[rows]  state: vec4f[rows], read if accumulate is 1  →  nll, entropy: f32[rows]
// dispatch: rows, folded, one workgroup of WG per row       (Milakov & Gimelshein 2018, alg. 3)
override WG: u32 = 256;

const IGNORED = 0xffffffffu;
const NOT_A_NUMBER = 0x7fc00000u;

struct Params { rows: u32, cols: u32, first: u32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read_write> state: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> nll: array<f32>;
@group(0) @binding(5) var<storage, read_write> entropy: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let moments = row_moments(base, lane);
  if (lane != 0u) { return; }
  let highest = moments.x;
  let tile_sum = moments.y;
  let tile_moment = moments.z;

  var bits = NOT_A_NUMBER; // a variable: a constant may not be NaN
  var known = vec4f(highest, tile_sum, tile_moment, bitcast<f32>(bits));
  if (params.accumulate != 0u) {
    let before = state[row];
    let largest = max(before.x, highest);
    let past = before.x - largest;
    let now = highest - largest;
    known = vec4f(
      largest,
      before.y * exp(past) + tile_sum * exp(now),
      (before.z + before.y * past) * exp(past) + (tile_moment + tile_sum * now) * exp(now),
      before.w,
    );
  }
  let target_id = targets[row];
  let column = target_id - params.first;
  if (target_id >= params.first && column < params.cols) { known.w = logits[base + column]; }
  state[row] = known;
  let loss = log(known.y) + known.x - known.w;
  nll[row] = select(loss, 0.0, target_id == IGNORED);
  entropy[row] = log(known.y) - known.z / known.y;
}
