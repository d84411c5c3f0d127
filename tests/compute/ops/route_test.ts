import assert from "@std/assert";
import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { lossAfter, numericGradient, upstream } from "../../support/gradcheck.ts";
import { integers, normals } from "../../support/random.ts";
import { blank, f32, runKernel, u32, values } from "../../support/run_kernel.ts";
import {
  chooseExperts,
  groupSlots,
  type RouteSize,
  routeWeights,
} from "../../support/reference/route.ts";
import type { Backend } from "../../../compute/backend/backend.ts";

const SIZES = [[1, 1, 1], [7, 4, 2], [41, 9, 9], [123, 128, 8]] as const;

function route(backend: Backend, logits: ArrayLike<number>, size: RouteSize) {
  const { rows, cols, k } = size;
  return runKernel(backend, "route", {
    logits: f32([rows, cols], logits),
    experts: u32([rows, k], new Uint32Array(rows * k)),
    scale: blank([rows, k]),
  }, { rows, cols, k, normalize: size.normalize ? 1 : 0 });
}

await forEachBackend(({ test }) => {
  for (const normalize of [true, false]) {
    test(`routeForward() matches the f64 reference, normalize = ${normalize}`, async (backend) => {
      for (const [rows, cols, k] of SIZES) {
        const size = { rows, cols, k, normalize };
        const logits = normals(1, rows * cols, 2);
        const { experts, scale } = await route(backend, logits, size);
        const expected = chooseExperts(logits, size);
        assert.deepEqual(Array.from(experts), expected);
        const weights = routeWeights(logits, expected, size);
        assertAllclose(scale, weights, { name: "scale", shape: [rows, k] });
      }
    });

    test(`routeBackward() matches finite differences, normalize = ${normalize}`, async (backend) => {
      const size = { rows: 5, cols: 6, k: 3, normalize }, { rows, cols, k } = size;
      const logits = normals(2, rows * cols, 2);
      const { experts, scale } = await route(backend, logits, size);
      const dScale = upstream(normals(3, rows * k));
      const { dLogits } = await runKernel(backend, "route_backward", {
        logits: f32([rows, cols], logits),
        experts: u32([rows, k], experts),
        scale: f32([rows, k], scale),
        dScale: f32([rows, k], dScale),
        dLogits: blank([rows, cols]),
      }, { rows, cols, k, normalize: normalize ? 1 : 0 });
      const chosen = Array.from(experts);
      const expected = numericGradient(
        (x) => lossAfter(dScale, routeWeights(x, chosen, size)),
        values(f32([rows, cols], logits)),
      );
      assertAllclose(dLogits, expected, { name: "dLogits", shape: [rows, cols] });
    });
  }

  test("routeForward() breaks ties by index and survives huge logits", async (backend) => {
    const size = { rows: 4, cols: 5, k: 3, normalize: true };
    const logits = [1, 1, 1, 1, 1, 0, 2, 0, 2, 0, -1e38, 1e38, 1e38, 0, 0, -3, -3, -9, -3, -3];
    const { experts, scale } = await route(backend, logits, size);
    assert.deepEqual(Array.from(experts), [0, 1, 2, 1, 3, 0, 1, 2, 3, 0, 1, 3]);
    assertAllclose(scale.subarray(6, 9), [0.5, 0.5, 0], { name: "scale", shape: [3] });
  });

  test("routeForward() names experts that exist where logits are NaN", async (backend) => {
    const size = { rows: 2, cols: 4, k: 2, normalize: true };
    const { experts, scale } = await route(backend, new Float32Array(8).fill(NaN), size);
    assert(experts.every((expert) => expert < 4), `${experts}`);
    assert(scale.every(Number.isNaN), `${scale}`);
  });

  test("groupRows() sorts slots by expert and keeps their order", async (backend) => {
    for (const [slots, groups] of [[1, 1], [7, 3], [41, 5], [1234, 128], [3000, 1]] as const) {
      // No slot has the last of several experts.
      const experts = integers(4, slots, Math.max(groups - 1, 1));
      const empty = (length: number) => u32([length], new Uint32Array(length));
      const actual = await runKernel(backend, "group_rows", {
        experts: u32([slots], experts),
        order: empty(slots),
        place: empty(slots),
        offsets: empty(groups + 1),
      }, { slots, groups });
      const expected = groupSlots(experts, groups);
      for (const name of ["order", "place", "offsets"] as const) {
        assert.deepEqual(Array.from(actual[name]), expected[name], `${name} of ${slots}`);
      }
    }
  });
});
