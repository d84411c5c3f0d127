import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { normals } from "../../support/random.ts";
import { bf16, blank, f32, type Input, runKernel, values } from "../../support/run_kernel.ts";
import { gemmNn, gemmNt, gemmTn, loraForward } from "../../support/reference/linear.ts";

// [m, n, k], odd ones and one over the usual tiles
const SIZES = [
  [1, 1, 1],
  [1, 123, 7],
  [7, 41, 123],
  [41, 1, 64],
  [65, 33, 129],
  [129, 130, 65],
  [34, 257, 48],
] as const;
const RANKS = [1, 3, 8, 130];
const ALPHA = -0.7;

type Packer = (shape: readonly number[], values: ArrayLike<number>) => Input;
const even = (n: number) => n + n % 2;

/** A matrix whose products with unit normals are of order one. */
function weight(pack: Packer, seed: number, rows: number, cols: number, inner: number): Input {
  return pack([rows, cols], normals(seed, rows * cols, inner ** -0.5));
}

await forEachBackend(({ test }) => {
  for (const accumulate of [0, 1]) {
    const how = accumulate === 1 ? "adds to y" : "overwrites y";
    const before = (m: number, n: number) =>
      accumulate === 1 ? f32([m, n], normals(3, m * n)) : blank([m, n]);
    const onTop = (y: Input, product: Float64Array) =>
      product.map((value, i) => ALPHA * value + (accumulate === 1 ? y.data[i]! : 0));

    for (const [dtype, pack] of [["f32", f32], ["bf16", bf16]] as const) {
      test(`gemm_nt() with ${dtype} weights ${how} at odd shapes`, async (backend) => {
        for (const [m, n, odd] of SIZES) {
          const k = dtype === "bf16" ? even(odd) : odd;
          const x = f32([m, k], normals(1, m * k)), w = weight(pack, 2, n, k, k), y = before(m, n);
          const params = { m, n, k, alpha: ALPHA, accumulate };
          const actual = await runKernel(backend, "gemm_nt", { x, w, y }, params);
          const expected = onTop(y, gemmNt(values(x), values(w), m, n, k));
          assertAllclose(actual.y, expected, { name: `y (k=${k})`, shape: [m, n] });
        }
      });

      test(`gemm_nn() with ${dtype} weights ${how} at odd shapes`, async (backend) => {
        for (const [m, odd, k] of SIZES) {
          const n = dtype === "bf16" ? even(odd) : odd;
          const x = f32([m, k], normals(1, m * k)), w = weight(pack, 2, k, n, k), y = before(m, n);
          const params = { m, n, k, alpha: ALPHA, accumulate };
          const actual = await runKernel(backend, "gemm_nn", { x, w, y }, params);
          const expected = onTop(y, gemmNn(values(x), values(w), m, n, k));
          assertAllclose(actual.y, expected, { name: `y (k=${k})`, shape: [m, n] });
        }
      });
    }

    test(`gemm_tn() ${how} at odd shapes`, async (backend) => {
      for (const [m, n, k] of SIZES) {
        const a = f32([k, m], normals(1, k * m)), b = weight(f32, 2, k, n, k), y = before(m, n);
        const params = { m, n, k, alpha: ALPHA, accumulate };
        const actual = await runKernel(backend, "gemm_tn", { a, b, y }, params);
        const expected = onTop(y, gemmTn(values(a), values(b), m, n, k));
        assertAllclose(actual.y, expected, { name: `y (k=${k})`, shape: [m, n] });
      }
    });
  }

  for (const [dtype, pack] of [["f32", f32], ["bf16", bf16]] as const) {
    test(`lora_forward() with ${dtype} weights matches the f64 reference at every rank`, async (backend) => {
      for (const r of RANKS) {
        for (const [m, n, odd] of SIZES) {
          const k = dtype === "bf16" ? even(odd) : odd;
          const x = f32([m, k], normals(1, m * k)), w = weight(pack, 2, n, k, k);
          const xa = f32([m, r], normals(3, m * r)), b = weight(f32, 4, n, r, r);
          const inputs = { x, w, xa, b, y: blank([m, n]) };
          const { y } = await runKernel(backend, "lora_forward", inputs, { m, n, k, r });
          const size = { m, n, k, r };
          const expected = loraForward(values(x), values(w), values(xa), values(b), size);
          assertAllclose(y, expected, { name: `y (k=${k}, r=${r})`, shape: [m, n] });
        }
      }
    });

    for (const accumulate of [0, 1]) {
      const how = accumulate === 1 ? "adds to dX" : "overwrites dX";
      test(`lora_backward() with ${dtype} weights ${how} at every rank`, async (backend) => {
        for (const r of RANKS) {
          for (const [m, odd, k] of SIZES) {
            const n = dtype === "bf16" ? even(odd) : odd;
            const dY = f32([m, k], normals(1, m * k)), w = weight(pack, 2, k, n, k);
            const dXa = f32([m, r], normals(3, m * r)), a = weight(f32, 4, r, n, r);
            const into = accumulate === 1 ? f32([m, n], normals(5, m * n)) : blank([m, n]);
            const inputs = { dY, w, dXa, a, dX: into };
            const params = { m, n, k, r, accumulate };
            const { dX } = await runKernel(backend, "lora_backward", inputs, params);
            const low = gemmNn(values(dXa), values(a), m, n, r);
            const expected = gemmNn(values(dY), values(w), m, n, k)
              .map((d, i) => d + low[i]! + (accumulate === 1 ? into.data[i]! : 0));
            assertAllclose(dX, expected, { name: `dX (k=${k}, r=${r})`, shape: [m, n] });
          }
        }
      });
    }
  }
});
