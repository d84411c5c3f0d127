import assert from "@std/assert";
import fc from "fast-check";
import { spreadLabels } from "../../experiments/plot/labels.ts";

Deno.test("spreadLabels() keeps order, distance and bounds", () => {
  fc.assert(fc.property(
    fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 10 }),
    (positions) => {
      const placed = spreadLabels(positions, 0.1, 0, 1);
      const order = positions.map((_, i) => i)
        .sort((a, b) => positions[a]! - positions[b]! || placed[a]! - placed[b]!);
      order.slice(1).forEach((index, i) => {
        assert.ok(placed[index]! - placed[order[i]!]! >= 0.1 - 1e-9);
      });
      for (const at of placed) assert.ok(at >= -1e-9 && at <= 1 + 1e-9);
    },
  ));
});

Deno.test("spreadLabels() leaves labels where they are if none overlap", () => {
  assert.deepEqual(spreadLabels([0.5, 0.1, 0.9], 0.1, 0, 1), [0.5, 0.1, 0.9]);
});

Deno.test("spreadLabels() centres overlapping labels on what they want", () => {
  const placed = spreadLabels([0.5, 0.5], 0.2, 0, 1);
  assert.deepEqual(placed.map((at) => Math.round(at * 10) / 10), [0.4, 0.6]);
});
