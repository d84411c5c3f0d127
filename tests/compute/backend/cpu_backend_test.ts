import assert from "@std/assert";
import { createCpuBackend } from "../../../compute/backend/cpu/cpu_backend.ts";
import type { Backend } from "../../../compute/backend/backend.ts";
import { KERNELS } from "../../../compute/backend/kernels.ts";
import {
  compileKernels,
  instantiateKernels,
  kernelIds,
} from "../../../compute/backend/cpu/kernel_module.ts";
import { normals } from "../../support/random.ts";
import { assertSameBits } from "../../support/allclose.ts";
import { f32, runKernel, u32 } from "../../support/run_kernel.ts";

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

Deno.test("the wasm module imports nothing but its memory and a clock", async () => {
  const imports = WebAssembly.Module.imports(await compileKernels());
  assert.deepEqual(imports.map(({ module, name }) => `${module}.${name}`), [
    "env.memory",
    "env.now",
  ]);
});

Deno.test({
  name: "createCpuBackend() says how many threads work",
  ...LENIENT,
  fn: async () => {
    await withThreads(1, ({ info }) => assert.equal(info.device, "cpu (1 thread, wasm simd128)"));
    await withThreads(3, ({ info }) => assert.equal(info.device, "cpu (3 threads, wasm simd128)"));
  },
});

Deno.test("createCpuBackend() refuses a number of threads that is not one", async () => {
  for (const threads of [0, -1, 1.5, 65, NaN]) {
    await assert.rejects(createCpuBackend({ threads }), RangeError);
  }
});

Deno.test("a backend with one thread needs no workers", async () => {
  await withThreads(1, async (backend) => {
    const y = backend.empty([5], "f32", "y");
    backend.run("fill", { y }, { n: 5, value: 3 });
    assert.deepEqual(Array.from(await backend.read(y)), [3, 3, 3, 3, 3]);
  });
});

Deno.test({
  name: "close() makes every later use throw instead of waiting for threads that are gone",
  ...LENIENT,
  fn: async () => {
    const backend = await createCpuBackend({ threads: 2 });
    const y = backend.empty([4], "f32", "y");
    const plan = backend.record("plan", () => backend.run("fill", { y }, { n: 4, value: 1 }));
    backend.close();
    backend.close();
    assert.throws(() => backend.replay(plan), /closed/);
    assert.throws(() => backend.run("fill", { y }, { n: 4, value: 1 }), /closed/);
    assert.throws(() => backend.empty([4], "f32", "z"), /closed/);
    await assert.rejects(backend.read(y), /closed/);
  },
});

Deno.test({
  name: "threads that have parked wake up for the next plan",
  ...LENIENT,
  fn: () =>
    withThreads(4, async (backend) => {
      const y = backend.empty([100_003], "f32", "y");
      backend.run("fill", { y }, { n: 100_003, value: 0 });
      const plan = backend.record("twice", () => {
        backend.run("add", { a: y, b: y, y }, { n: 100_003 });
        backend.run("scale", { x: y, y }, { n: 100_003, scale: 1, accumulate: 0 });
      });
      for (let round = 0; round < 5; round++) {
        // Longer than a thread polls before it parks.
        await new Promise((resolve) => setTimeout(resolve, 20));
        backend.run("fill", { y }, { n: 100_003, value: 1 });
        for (let i = 0; i < 10; i++) backend.replay(plan);
        const values = await backend.read(y);
        assert(values.every((value) => value === 1024), `round ${round}: ${values.slice(0, 5)}`);
      }
    }),
});

Deno.test({
  name: "tensors survive the growth of memory",
  ...LENIENT,
  fn: () =>
    withThreads(2, async (backend) => {
      const x = backend.empty([1000], "f32", "x");
      const before = normals(1, 1000);
      backend.write(x, before);
      const large = backend.empty([20_000_000], "f32", "large");
      backend.run("fill", { y: large }, { n: 20_000_000, value: 2 });
      assertSameBits(await backend.read(x), before, { name: "x", shape: [1000] });
      const out = backend.empty([1], "f32", "out");
      backend.run("sum_squares", { x: large, out }, { n: 20_000_000, accumulate: 0 });
      assert.deepEqual(Array.from(await backend.read(out)), [80_000_000]);
    }),
});

Deno.test("an id or a target outside its range gives NaN and touches no other memory", async () => {
  await withThreads(1, async (backend) => {
    const table = f32([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]), y = f32([2, 4], new Array(8).fill(0));
    const embedded = await runKernel(backend, "embedding_forward", {
      ids: u32([2], [1, 2]),
      table,
      y,
    }, { rows: 2, cols: 4, vocab: 2 });
    assert.deepEqual(Array.from(embedded.y), [5, 6, 7, 8, NaN, NaN, NaN, NaN]);
    const { nll } = await runKernel(backend, "cross_entropy", {
      logits: table,
      targets: u32([2], [3, 4]),
      weight: f32([2], [1, 1]),
      nll: f32([2], [0, 0]),
    }, { rows: 2, cols: 4, backward: 1 });
    assert(Number.isFinite(nll[0]) && Number.isNaN(nll[1]));
  });
});

Deno.test("run() refuses a head that does not fit a tile", async () => {
  await withThreads(1, (backend) => {
    const x = backend.empty([2, 258], "f32", "x"), start = backend.empty([2], "u32", "start");
    const stats = backend.empty([2, 1, 2], "f32", "stats");
    for (const head_dim of [0, 7, 258]) {
      const params = { tokens: 2, heads: 1, kv_heads: 1, head_dim, scale: 1 };
      const tensors = { q: x, k: x, v: x, start, o: x, stats };
      assert.throws(() => backend.run("attention_forward", tensors, params), /head_dim is/);
    }
  });
});

Deno.test("the module has the kernels of the table and no others", async () => {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 65_536, shared: true });
  const ids = kernelIds(instantiateKernels(await compileKernels(), memory), memory);
  assert.deepEqual([...ids.keys()].sort(), Object.keys(KERNELS).sort());
});

Deno.test({
  name: "replayEach() gives the bits of replaying one after another, however many threads share",
  ...LENIENT,
  fn: async () => {
    const [m, n, k] = [70, 33, 41], plans = 5;
    const results = async (threads: number, together: boolean): Promise<Float32Array[]> => {
      const outputs: Float32Array[] = [];
      await withThreads(threads, async (backend) => {
        const w = backend.empty([n, k], "f32", "w");
        backend.write(w, normals(1, n * k));
        const members = Array.from({ length: plans }, (_, i) => {
          const x = backend.empty([m, k], "f32", `x${i}`), out = backend.empty([1], "f32", "out");
          backend.write(x, normals(2 + i, m * k));
          backend.write(out, Float32Array.of(i));
          const plan = backend.record("product", () => {
            const y = backend.empty([m, n], "f32", "y");
            backend.run("gemm_nt", { x, w, y }, { m, n, k, alpha: 1, accumulate: 0 });
            backend.run("sum_squares", { x: y, out }, { n: m * n, accumulate: 1 });
          });
          return { plan, out };
        });
        const buffers = backend.memory().buffers;
        for (let turn = 0; turn < 3; turn++) {
          if (together) backend.replayEach(members.map(({ plan }) => plan));
          else members.forEach(({ plan }) => backend.replay(plan));
        }
        assert.equal(backend.memory().buffers, buffers, "buffers are left over");
        for (const { out } of members) outputs.push(await backend.read(out) as Float32Array);
        backend.release(members[1]!.plan);
        assert.throws(() => backend.replayEach(members.map(({ plan }) => plan)), /was released/);
      });
      return outputs;
    };
    const expected = await results(1, false);
    for (const threads of [1, 2, 3, 8]) assert.deepEqual(await results(threads, true), expected);
  },
});
