// What follows a drawn token, for rows with left[m] > 0:
//   ring[tick[m], m, :] = drawn[m, :], tick += 1, left −= 1 or = 0 if the token is one of stops[m, :];
//   and while any are left, ids = token, last += 1, start −= 1 (mod 2³²)
// drawn: u32[rows, 2]  stops: u32[rows, STOPS]  →  tick, left, ids, start, last: u32[rows]  ring: u32[.., stride, 2]
// dispatch: ceil(rows / WG), folded; one invocation a row
override WG: u32 = 64;
override STOPS: u32 = 8;

struct Params { rows: u32, stride: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> drawn: array<vec2u>;
@group(0) @binding(2) var<storage, read> stops: array<u32>;
@group(0) @binding(3) var<storage, read_write> tick: array<u32>;
@group(0) @binding(4) var<storage, read_write> left: array<u32>;
@group(0) @binding(5) var<storage, read_write> ids: array<u32>;
@group(0) @binding(6) var<storage, read_write> start: array<u32>;
@group(0) @binding(7) var<storage, read_write> last: array<u32>;
@group(0) @binding(8) var<storage, read_write> ring: array<vec2u>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let m = (group.y * groups.x + group.x) * WG + lane;
  if (m >= params.rows) { return; }
  if (left[m] == 0u) { return; }
  let token = drawn[m].x;
  ring[tick[m] * params.stride + m] = drawn[m];
  tick[m] += 1u;
  var remaining = left[m] - 1u;
  for (var s = 0u; s < STOPS; s++) {
    if (stops[m * STOPS + s] == token) { remaining = 0u; }
  }
  left[m] = remaining;
  if (remaining > 0u) {
    ids[m] = token;
    last[m] += 1u;
    start[m] -= 1u;
  }
}
