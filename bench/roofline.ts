// What a device can do at most, as far as our own kernels show it: multiply-adds of a large matrix product,
// and bytes of a copy that no cache holds.

import type { Backend, Plan } from "../compute/backend/backend.ts";
import { kernelCost } from "../compute/backend/kernel_costs.ts";

/** Peaks of a device. */
export interface Roofline {
  readonly gflops: number;
  readonly gbs: number;
}

/** Rows, columns and inner length of the product. */
const SIDE = 768;
/** Floats that are read, and as many that are written: 64 MiB each. */
const COPIED = 16 * 2 ** 20;
const RUNS = 7;

/** Measures both peaks: the best of several runs. */
export async function measureRoofline(backend: Backend): Promise<Roofline> {
  const matrix = (label: string) => {
    const tensor = backend.empty([SIDE, SIDE], "f32", label);
    backend.write(tensor, new Float32Array(SIDE * SIDE).fill(0.5));
    return tensor;
  };
  const [x, w, y] = [matrix("x"), matrix("w"), matrix("y")];
  const product = backend.record("roofline, product", () => {
    const params = { m: SIDE, n: SIDE, k: SIDE, alpha: 1, accumulate: 0 };
    backend.run("gemm_nt", { x, w, y }, params);
  });
  const flops = await best(backend, product, "flops");
  backend.release(product);
  [x, w, y].forEach((tensor) => backend.free(tensor));

  const from = backend.empty([COPIED], "f32", "from"), to = backend.empty([COPIED], "f32", "to");
  const copy = backend.record("roofline, copy", () => {
    backend.run("scale", { x: from, y: to }, { n: COPIED, scale: 1, accumulate: 0 });
  });
  const bytes = await best(backend, copy, "bytes");
  backend.release(copy);
  [from, to].forEach((tensor) => backend.free(tensor));
  return { gflops: flops / 1e9, gbs: bytes / 1e9 };
}

/** The most of something a second that a plan of one call does. */
async function best(backend: Backend, plan: Plan, what: "flops" | "bytes"): Promise<number> {
  let ms = Infinity;
  for (let run = 0; run < RUNS; run++) {
    const started = performance.now();
    const timing = await backend.time(plan);
    if (timing === undefined) {
      backend.replay(plan);
      await backend.sync();
    }
    ms = Math.min(ms, timing?.calls[0] ?? performance.now() - started);
  }
  return kernelCost(plan.calls[0]!, { keys: 1 })[what] / ms * 1000;
}
