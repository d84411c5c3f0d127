// Matrix products of the cpu backend: however they are cut, whatever the weights are stored in.

import { type Backend, type Tensor, view } from "../../../compute/backend/backend.ts";
import { createCpuBackend } from "../../../compute/backend/cpu/cpu_backend.ts";
import { assertAllclose, assertSameBits } from "../../support/allclose.ts";
import { normals } from "../../support/random.ts";
import { gemmNn, gemmNt, gemmTn } from "../../support/reference/linear.ts";
import { f32, type Input, runKernel, toDevice, u32, values } from "../../support/run_kernel.ts";
import { type Weight, weight } from "../../support/weight.ts";

// Workers end in their own time after close().
const LENIENT = { sanitizeOps: false, sanitizeResources: false };

async function withThreads(threads: number, body: (backend: Backend) => unknown): Promise<void> {
  const backend = await createCpuBackend({ threads });
  try {
    await body(backend);
  } finally {
    backend.close();
  }
}

Deno.test({
  name: "products are right, and the same bits on one thread as on many, however they are cut",
  ...LENIENT,
  fn: async () => {
    // Several strips, pieces and visits; columns that survive from one piece to the next and columns that
    // do not; thin ones on either side.
    const shapes = [
      [97, 129, 1025],
      [130, 530, 700],
      [13, 257, 1300],
      [20, 70, 6200],
      [300, 8, 700],
      [8, 600, 140],
      [600, 2, 90],
      [1, 1, 1],
    ] as const;
    await withThreads(1, (one) =>
      withThreads(3, async (many) => {
        for (const [m, n, k] of shapes) {
          const y = f32([m, n], normals(3, m * n));
          const check = async (
            kernel: "gemm_nt" | "gemm_nn" | "gemm_tn",
            left: Input,
            right: Input,
            reference: typeof gemmNt,
          ) => {
            const inputs = kernel === "gemm_tn"
              ? { a: left, b: right, y }
              : { x: left, w: right, y };
            const params = { m, n, k, alpha: 0.5, accumulate: 1 };
            const tensor = { name: `y of ${kernel} ${m}×${n}×${k}`, shape: [m, n] };
            const alone = await runKernel(one, kernel, inputs, params);
            const product = reference(values(left), values(right), m, n, k);
            assertAllclose(alone.y, product.map((p, i) => 0.5 * p + y.data[i]!), tensor);
            assertSameBits((await runKernel(many, kernel, inputs, params)).y, alone.y, tensor);
          };
          const left = normals(1, m * k), right = normals(2, n * k, k ** -0.5);
          await check("gemm_nt", f32([m, k], left), f32([n, k], right), gemmNt);
          await check("gemm_nn", f32([m, k], left), f32([k, n], right), gemmNn);
          await check("gemm_tn", f32([k, m], left), f32([k, n], right), gemmTn);
        }
      }));
  },
});

Deno.test("products with weights in 4 bits are those with the values that they hold, bit for bit", async () => {
  await withThreads(1, async (backend) => {
    const random = (seed: number, ...shape: number[]) =>
      toDevice(backend, f32(shape, normals(seed, shape.reduce((a, b) => a * b, 1))), "x");
    const same = async (shape: number[], w: Weight, run: (w: Tensor, y: Tensor) => void) => {
      const dense = toDevice(backend, f32(w.tensor.shape, w.values), "w");
      const [actual, expected] = await Promise.all([w.tensor, dense].map((w) => {
        const y = backend.empty(shape, "f32", "y");
        run(w, y);
        return backend.read(y) as Promise<Float32Array>;
      }));
      const name = `y, weight [${w.tensor.shape}]`;
      assertSameBits(actual!, expected!, { name, shape });
    };
    // Rows that begin amid a block and amid a word, several visits and strips.
    for (const [m, n, k] of [[37, 42, 27], [20, 100, 1300], [50, 530, 64]] as const) {
      const r = 5, x = random(1, m, k), xa = random(2, m, r);
      const params = { m, n, k, alpha: 1, accumulate: 0 };
      const nk = weight(backend, "nf4", [n, k], k ** -0.5);
      const kn = weight(backend, "nf4", [k, n], k ** -0.5);
      await same([m, n], nk, (w, y) => backend.run("gemm_nt", { x, w, y }, params));
      await same([m, n], kn, (w, y) => backend.run("gemm_nn", { x, w, y }, params));
      const b = random(3, n, r), a = random(4, r, n);
      await same(
        [m, n],
        nk,
        (w, y) => backend.run("lora_forward", { x, w, xa, b, y }, { m, n, k, r }),
      );
      await same(
        [m, n],
        kn,
        (w, dX) =>
          backend.run("lora_backward", { dY: x, w, dXa: xa, a, dX }, { m, n, k, r, accumulate: 0 }),
      );
    }
    const offsets = toDevice(backend, u32([5], [0, 9, 9, 41, 42]), "offsets");
    const [rows, groups, n, k, r] = [42, 4, 22, 18, 3];
    const x = random(1, rows, k), xa = random(2, rows, r);
    const params = { rows, groups, n, k, alpha: 1, accumulate: 0 };
    const nk = weight(backend, "nf4", [groups, n, k], 1);
    const kn = weight(backend, "nf4", [groups, k, n], 1);
    await same(
      [rows, n],
      nk,
      (w, y) => backend.run("grouped_gemm_nt", { x, w, offsets, y }, params),
    );
    await same(
      [rows, n],
      kn,
      (w, y) => backend.run("grouped_gemm_nn", { x, w, offsets, y }, params),
    );
    const b = random(3, groups, n, r), a = random(4, groups, r, n);
    const sizes = { rows, groups, n, k, r };
    await same(
      [rows, n],
      nk,
      (w, y) => backend.run("grouped_lora_forward", { x, w, xa, b, offsets, y }, sizes),
    );
    const adapted = { dY: x, dXa: xa, a, offsets };
    await same(
      [rows, n],
      kn,
      (w, dX) =>
        backend.run("grouped_lora_backward", { ...adapted, w, dX }, { ...sizes, accumulate: 0 }),
    );
  });
});

Deno.test("a few rows of a product have the bits that they have among many", async () => {
  await withThreads(2, async (backend) => {
    // Several visits and chunks, a last one that is cut off, an inner dimension that is no multiple of four.
    for (const [n, k, r] of [[8, 41, 3], [72, 1301, 8], [200, 1300, 4]] as const) {
      const many = 24;
      const x = toDevice(backend, f32([many, k], normals(1, many * k)), "x");
      const xa = toDevice(backend, f32([many, r], normals(2, many * r)), "xa");
      const b = toDevice(backend, f32([n, r], normals(3, n * r)), "b");
      const before = normals(4, many * n);
      for (const type of ["f32", "bf16"] as const) {
        const { tensor: w } = weight(backend, type, [n, k], k ** -0.5);
        const of = async (m: number) => {
          const own = (tensor: Tensor) => view(tensor, 0, [m, tensor.shape[1]!], tensor.label);
          const product = toDevice(backend, f32([m, n], before.subarray(0, m * n)), "y");
          const adapted = backend.empty([m, n], "f32", "adapted");
          const sizes = { m, n, k };
          backend.run("gemm_nt", { x: own(x), w, y: product }, {
            ...sizes,
            alpha: 0.5,
            accumulate: 1,
          });
          backend.run("lora_forward", { x: own(x), w, xa: own(xa), b, y: adapted }, {
            ...sizes,
            r,
          });
          return await Promise.all(
            [product, adapted].map((y) => backend.read(y) as Promise<Float32Array>),
          );
        };
        const whole = await of(many);
        for (const m of [1, 2, 7, 8, 9, 16]) {
          const few = await of(m);
          few.forEach((y, i) =>
            assertSameBits(y, whole[i]!.subarray(0, m * n), {
              name: `${["y", "adapted"][i]} ${m}×${n}×${k}, ${type}`,
              shape: [m, n],
            })
          );
        }
      }
    }
  });
});

Deno.test("wide tiles change no bit of a product", async () => {
  const narrow = await createCpuBackend({ threads: 1, wide: false });
  for (const [m, n, k] of [[7, 40, 33], [50, 123, 1100], [97, 64, 16]] as const) {
    const params = { m, n, k, alpha: 1, accumulate: 1 };
    const x = f32([m, k], normals(1, m * k)), w = f32([k, n], normals(2, n * k));
    const inputs = { x, w, y: f32([m, n], normals(3, m * n)) };
    const { y } = await runKernel(narrow, "gemm_nn", inputs, params);
    const wide = await createCpuBackend({ threads: 1, wide: true });
    const other = await runKernel(wide, "gemm_nn", inputs, params);
    assertSameBits(other.y, y, { name: `y ${m}×${n}×${k}`, shape: [m, n] });
    wide.close();
  }
  narrow.close();
});
