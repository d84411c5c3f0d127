// Draws a token for each row of logits; [temperature, top_k, top_p, min_p] = options[m, :]
//   e = exp((logits − max) / temperature), in place; T = the e that reach a threshold, found by bisection over
//   the bits of positive floats, which order as the floats do; the token is the first id of T at which the running
//   sum passes uniform[tick[m] · stride + m] · Σ_T e. temperature 0: the first of the largest, e as for 1.
// options: f32[rows, 4]  uniform: f32[.., stride]  tick: u32[rows]
//   →  logits: f32[rows, cols]  drawn: u32[rows, 2], the token and the bits of log(e[token] / Σ e)
// dispatch: rows, folded, one workgroup of WG a row. Invocation l has the l-th run of ceil(cols / WG) ids, so that
// running sums go in order of the ids.
override WG: u32 = 256;

const LOWEST = -3.4028234e38;
const ONE = 0x3f800000u; // the bits of 1.0, the largest weight

struct Params { rows: u32, cols: u32, stride: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;
@group(0) @binding(2) var<storage, read> options: array<vec4f>;
@group(0) @binding(3) var<storage, read> uniforms: array<f32>;
@group(0) @binding(4) var<storage, read> tick: array<u32>;
@group(0) @binding(5) var<storage, read_write> drawn: array<u32>;

var<workgroup> values: array<f32, WG>;
var<workgroup> ids: array<u32, WG>;

// The sum of the weights of a run of ids that reach `least`, or their number.
fn measure(begin: u32, end: u32, least: f32, counting: bool) -> f32 {
  var sum = 0.0;
  for (var i = begin; i < end; i++) {
    let e = logits[i];
    if (e >= least) { sum += select(e, 1.0, counting); }
  }
  return sum;
}

// The largest threshold from `lowest` on at which the row still has `wanted`.
fn bisect(begin: u32, end: u32, lowest: f32, counting: bool, wanted: f32, lane: u32) -> f32 {
  var low = 0u;
  var high = ONE + 1u;
  for (var i = 0u; i < 30u; i++) { // 2³⁰ > high
    let middle = low + (high - low) / 2u;
    let found = measure(begin, end, max(bitcast<f32>(middle), lowest), counting);
    if (workgroup_sum(found, lane) >= wanted) { low = middle; } else { high = middle; }
  }
  return max(bitcast<f32>(low), lowest);
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= params.rows) { return; }
  let base = row * params.cols;
  let run = (params.cols + WG - 1u) / WG;
  let begin = base + min(lane * run, params.cols);
  let end = base + min((lane + 1u) * run, params.cols);

  var top = LOWEST;
  var top_id = 0xffffffffu;
  for (var i = begin; i < end; i++) {
    if (logits[i] > top) {
      top = logits[i];
      top_id = i - base;
    }
  }
  values[lane] = top;
  ids[lane] = top_id;
  workgroupBarrier();
  for (var width = WG / 2u; width > 0u; width /= 2u) {
    if (lane < width) {
      let other = values[lane + width];
      if (other > values[lane]) { ids[lane] = 0xffffffffu; }
      if (other >= values[lane]) { ids[lane] = min(ids[lane], ids[lane + width]); }
      values[lane] = max(other, values[lane]);
    }
    workgroupBarrier();
  }
  let highest = values[0];
  let likeliest = min(ids[0], params.cols - 1u);

  let own = options[row];
  let greedy = own.x <= 0.0;
  let factor = 1.0 / select(own.x, 1.0, greedy);
  var sum = 0.0;
  for (var i = begin; i < end; i++) {
    let e = exp((logits[i] - highest) * factor);
    logits[i] = e;
    sum += e;
  }
  let total = workgroup_sum(sum, lane);

  var least = 0.0;
  if (!greedy && own.y > 0.0 && own.y < f32(params.cols)) {
    least = bisect(begin, end, 0.0, true, own.y, lane);
  }
  if (!greedy && own.z < 1.0) {
    let kept = workgroup_sum(measure(begin, end, least, false), lane);
    least = bisect(begin, end, least, false, own.z * kept, lane);
  }
  least = max(least, min(own.w, 1.0));

  values[lane] = measure(begin, end, least, false);
  workgroupBarrier();
  storageBarrier(); // the weights of all runs are written
  if (lane > 0u) { return; }
  var token = likeliest;
  if (!greedy) {
    var kept = 0.0;
    for (var l = 0u; l < WG; l++) { kept += values[l]; }
    let wanted = uniforms[tick[row] * params.stride + row] * kept;
    // The run in which the running sum passes, or the last that has any, and the sum before it.
    var running = 0.0;
    var before = 0.0;
    var chosen = 0u;
    for (var l = 0u; l < WG; l++) {
      if (values[l] == 0.0) { continue; }
      chosen = l;
      before = running;
      running += values[l];
      if (running > wanted) { break; }
    }
    running = before;
    for (var i = base + chosen * run; i < base + min((chosen + 1u) * run, params.cols); i++) {
      let e = logits[i];
      if (e >= least && e > 0.0) {
        token = i - base;
        running += e;
        if (running > wanted) { break; }
      }
    }
  }
  drawn[row * 2u] = token;
  drawn[row * 2u + 1u] = bitcast<u32>(log(logits[base + token]) - log(total));
}
