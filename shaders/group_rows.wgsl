// Slots sorted by expert, stable: order[place[slot]] = slot, and expert g has the rows offsets[g] … offsets[g + 1] − 1
// experts: u32[slots]  →  order, place: u32[slots]  offsets: u32[groups + 1]
// dispatch: [groups, 1, 1], one workgroup of WG for an expert; a lane takes slots that lie next to each other, so
// that sums over the lanes before it give the place of its first
override WG: u32 = 256;

struct Params { slots: u32, groups: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> experts: array<u32>;
@group(0) @binding(2) var<storage, read_write> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> place: array<u32>;
@group(0) @binding(4) var<storage, read_write> offsets: array<u32>;

var<workgroup> lower: array<u32, WG>; // slots of experts before this one
var<workgroup> own: array<u32, WG>; // slots of this one

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let span = (params.slots + WG - 1u) / WG;
  let first = min(lane * span, params.slots);
  let last = min(first + span, params.slots);
  var before = 0u;
  var count = 0u;
  for (var slot = first; slot < last; slot++) {
    before += u32(experts[slot] < group.x);
    count += u32(experts[slot] == group.x);
  }
  lower[lane] = before;
  own[lane] = count;
  workgroupBarrier();
  var start = 0u;
  for (var i = 0u; i < WG; i++) { start += lower[i]; }
  if (lane == 0u) {
    offsets[group.x] = start;
    if (group.x == params.groups - 1u) { offsets[params.groups] = params.slots; }
  }
  var row = start;
  for (var i = 0u; i < lane; i++) { row += own[i]; }
  for (var slot = first; slot < last; slot++) {
    if (experts[slot] == group.x) {
      order[row] = slot;
      place[slot] = row;
      row++;
    }
  }
}
