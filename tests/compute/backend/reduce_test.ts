import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { normals } from "../../support/random.ts";
import { blank, f32, runKernel, u32, values } from "../../support/run_kernel.ts";
import { dot } from "../../support/reference/reduce.ts";
import { RING_WIDTH } from "../../../compute/backend/kernels.ts";

const LENGTHS = [1, 7, 41, 123, 257, 4099, 70001];
const SCALAR = { name: "out", shape: [1] };

await forEachBackend(({ test }) => {
  test("dot() sums a · b, alone and on top of what was there", async (backend) => {
    for (const n of LENGTHS) {
      const a = f32([n], normals(1, n)), b = f32([n], normals(2, n));
      const expected = dot(values(a), values(b));
      // The rounding of a sum grows with its terms, not with the sum, which may cancel.
      const tolerance = { atol: 1e-6 * n ** 0.5 + 1e-6, rtol: 1e-5 };
      const alone = { a, b, out: blank([1]) };
      const { out } = await runKernel(backend, "dot", alone, { n, accumulate: 0 });
      assertAllclose(out, [expected], SCALAR, tolerance);
      const onTop = { a, b, out: f32([1], [2.5]) };
      const added = await runKernel(backend, "dot", onTop, { n, accumulate: 1 });
      assertAllclose(added.out, [expected + 2.5], SCALAR, tolerance);
    }
  });

  test("sum_squares() sums x², alone and on top of what was there", async (backend) => {
    for (const n of LENGTHS) {
      const x = f32([n], normals(3, n));
      const expected = dot(values(x), values(x));
      const tolerance = { atol: 1e-6, rtol: 1e-5 };
      const alone = { x, out: blank([1]) };
      const { out } = await runKernel(backend, "sum_squares", alone, { n, accumulate: 0 });
      assertAllclose(out, [expected], SCALAR, tolerance);
      const onTop = { x, out: f32([1], [0.75]) };
      const added = await runKernel(backend, "sum_squares", onTop, { n, accumulate: 1 });
      assertAllclose(added.out, [expected + 0.75], SCALAR, tolerance);
    }
  });

  test("record_metrics() fills its slot only and starts the loss again", async (backend) => {
    const before = normals(4, 4 * RING_WIDTH);
    for (const slot of [0, 3]) {
      const { ring, loss } = await runKernel(backend, "record_metrics", {
        loss: f32([1], [2.25]),
        sumsq: f32([1], [6.25]),
        slot: u32([1], [slot]),
        ring: f32([4, RING_WIDTH], before),
      }, {});
      const expected = before.slice();
      expected.set([2.25, 2.5], slot * RING_WIDTH);
      assertAllclose(ring, expected, { name: "ring", shape: [4, RING_WIDTH] });
      assertAllclose(loss, [0], { name: "loss", shape: [1] });
    }
  });
});
