// Software adapters get small tiles. Here the tiles that hardware gets run on whatever adapter there is,
// against the small ones: the same sums in another order.

import assert from "@std/assert";
import type { Backend, Tensor } from "../../../compute/backend/backend.ts";
import type { KernelName, KernelParams } from "../../../compute/backend/kernels.ts";
import { createWebgpuBackend } from "../../../compute/backend/webgpu/webgpu_backend.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { normals } from "../../support/random.ts";
import { adapter, testWithAdapter } from "./webgpu_device.ts";

// Mesa's OpenGL driver takes minutes to compile the large tiles; it is also the one without f16.
const slow = adapter !== undefined && !adapter.features.has("shader-f16");
const test: typeof testWithAdapter = slow
  ? (name) =>
    Deno.test.ignore(`${name} (webgpu: skipped, this driver takes minutes to compile)`, () => {})
  : testWithAdapter;

/** The adapter under a name that does not give it away. */
async function asHardware(): Promise<GPUAdapter> {
  const { limits, features } = adapter!;
  const fresh = await navigator.gpu.requestAdapter();
  const requestDevice = (descriptor?: GPUDeviceDescriptor) => fresh!.requestDevice(descriptor);
  return { info: { description: "hardware" }, limits, features, requestDevice } as GPUAdapter;
}

/** Runs a kernel on the tensors' shapes with random values, and returns the tensors in `written`. */
async function outputs<K extends KernelName>(
  backend: Backend,
  kernel: K,
  shapes: Record<string, number[]>,
  params: KernelParams<K>,
  written: readonly string[],
  indices: Record<string, Uint32Array> = {},
): Promise<Float32Array[]> {
  const tensors: Record<string, Tensor> = {};
  let seed = 1;
  for (const [name, shape] of Object.entries(shapes)) {
    const data = indices[name];
    const length = shape.reduce((a, b) => a * b, 1);
    tensors[name] = backend.empty(shape, data ? "u32" : "f32", name);
    backend.write(tensors[name], data ?? Float32Array.from(normals(seed++, length)));
  }
  backend.run(kernel, tensors as never, params);
  const results: Float32Array[] = [];
  for (const name of written) results.push(await backend.read(tensors[name]!) as Float32Array);
  return results;
}

async function compare<K extends KernelName>(
  kernel: K,
  shapes: Record<string, number[]>,
  params: KernelParams<K>,
  written: readonly string[],
  indices?: Record<string, Uint32Array>,
): Promise<void> {
  const all: Float32Array[][] = [];
  for (const options of [{ adapter: await asHardware() }, {}]) {
    const backend = await createWebgpuBackend(options);
    if (backend === undefined) throw new Error("Cannot open the adapter that was found");
    if (options.adapter) assert.equal(backend.info.software, false);
    all.push(await outputs(backend, kernel, shapes, params, written, indices));
    backend.close();
  }
  const [large, small] = all;
  written.forEach((name, i) =>
    assertAllclose(large![i]!, Float64Array.from(small![i]!), { name, shape: shapes[name]! })
  );
}

for (const [m, n, k] of [[1025, 1030, 12], [70, 68, 50], [70, 9, 50], [9, 70, 600]] as const) {
  const params = { m, n, k, alpha: 0.5, accumulate: 0 };
  test(`products of [${m}, ${n}, ${k}] are the same with hardware's tiles`, async () => {
    await compare("gemm_nt", { x: [m, k], w: [n, k], y: [m, n] }, params, ["y"]);
    await compare("gemm_nn", { x: [m, k], w: [k, n], y: [m, n] }, params, ["y"]);
    await compare("gemm_tn", { a: [k, m], b: [k, n], y: [m, n] }, params, ["y"]);
  });
}

for (const head_dim of [6, 64, 256]) {
  test(`attention with heads of ${head_dim} is the same with hardware's tiles`, async () => {
    const [tokens, heads, kv_heads] = [75, 2, 1];
    const start = Uint32Array.from({ length: tokens }, (_, i) => i < 5 ? 0 : 5);
    const end = Uint32Array.from({ length: tokens }, (_, i) => i < 5 ? 5 : tokens);
    const own = [tokens, heads * head_dim], shared = [tokens, kv_heads * head_dim];
    const params = { tokens, heads, kv_heads, head_dim, scale: head_dim ** -0.5 };
    await compare(
      "attention_forward",
      {
        q: own,
        k: shared,
        v: shared,
        start: [tokens],
        o: own,
        stats: [tokens, heads, 2],
      },
      params,
      ["o", "stats"],
      { start },
    );
    await compare(
      "attention_backward",
      {
        q: own,
        k: shared,
        v: shared,
        o: own,
        start: [tokens],
        end: [tokens],
        dO: own,
        stats: [tokens, heads, 2],
        dQ: own,
        dK: shared,
        dV: shared,
      },
      params,
      ["dQ", "dK", "dV"],
      { start, end },
    );
  });
}
