// GFLOP/s of the matrix products on WebGPU: deno run -A bench/gemm_webgpu_bench.ts [deno|dawn] [N…]
// With sizes, x w of those squares; else all products of a few shapes.
// Each row is one kernel and shape: a recorded plan of several calls, replayed and waited for, so that the
// host's polling (10 ms) weighs little. Values are checked against f64 sums before any time is taken.

import assert from "@std/assert";
import { createWebgpuBackend } from "../compute/backend/webgpu/webgpu_backend.ts";
import type { Backend, Tensor } from "../compute/backend/backend.ts";

/** [m, n, k]: squares, then a layer's products at d = 256 with a rank of 8. */
const SHAPES = [[384, 384, 384], [512, 768, 256], [512, 8, 256], [1024, 1024, 1024]] as const;
const SAMPLES = 5;
const KERNELS = ["gemm_nt", "gemm_nn", "gemm_tn"] as const;

function random(backend: Backend, shape: number[], seed: number): [Tensor, Float32Array] {
  const values = new Float32Array(shape[0]! * shape[1]!);
  let state = seed;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2 ** 31 - 1;
  }
  const tensor = backend.empty(shape, "f32", "operand");
  backend.write(tensor, values);
  return [tensor, values];
}

async function bench(
  backend: Backend,
  kernel: typeof KERNELS[number],
  m: number,
  n: number,
  k: number,
): Promise<Record<string, unknown>> {
  const [left, leftValues] = random(backend, kernel === "gemm_tn" ? [k, m] : [m, k], 1);
  const [right, rightValues] = random(backend, kernel === "gemm_nt" ? [n, k] : [k, n], 2);
  const y = backend.empty([m, n], "f32", "y");
  const params = { m, n, k, alpha: 1, accumulate: 0 };
  const call = () =>
    kernel === "gemm_tn"
      ? backend.run(kernel, { a: left, b: right, y }, params)
      : backend.run(kernel, { x: left, w: right, y }, params);

  call();
  const result = await backend.read(y);
  for (const [row, col] of [[0, 0], [m - 1, n - 1], [m >> 1, n >> 1]] as const) {
    let sum = 0;
    for (let i = 0; i < k; i++) {
      const a = leftValues[kernel === "gemm_tn" ? i * m + row : row * k + i]!;
      sum += a * rightValues[kernel === "gemm_nt" ? col * k + i : i * n + col]!;
    }
    assert.ok(Math.abs(result[row * n + col]! - sum) < 1e-3, `${kernel} [${row}, ${col}] is wrong`);
  }

  const once = performance.now();
  call();
  await backend.sync();
  const calls = Math.max(1, Math.ceil(250 / (performance.now() - once)));
  const plan = backend.record(kernel, () => {
    for (let i = 0; i < calls; i++) call();
  });
  const times: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    const start = performance.now();
    backend.replay(plan);
    await backend.sync();
    times.push((performance.now() - start) / calls);
  }
  backend.release(plan);
  for (const tensor of [left, right, y]) backend.free(tensor);
  times.sort((a, b) => a - b);
  const [p20, p50, p80] = [0.2, 0.5, 0.8].map((q) => times[Math.round(q * (SAMPLES - 1))]!);
  const gflops = 2 * m * n * k / p50! / 1e6;
  const round = (ms: number) => Number(ms.toFixed(3));
  return {
    kernel,
    shape: [m, n, k],
    p20: round(p20!),
    p50: round(p50!),
    p80: round(p80!),
    gflops: Number(gflops.toFixed(1)),
  };
}

const provider = Deno.args[0] === "dawn" ? "dawn" : "deno";
const sizes = Deno.args.map(Number).filter((size) => size > 0);
const backend = await createWebgpuBackend({ provider });
if (backend === undefined) {
  console.error(`Cannot bench WebGPU: provider "${provider}" has no adapter`);
  Deno.exit(2);
}
console.log(JSON.stringify({ ...backend.info, provider, deno: Deno.version.deno }));
const runs = sizes.length > 0
  ? sizes.map((n) => ({ kernel: "gemm_nn", shape: [n, n, n] } as const))
  : SHAPES.flatMap((shape) => KERNELS.map((kernel) => ({ kernel, shape })));
for (const { kernel, shape: [m, n, k] } of runs) {
  console.log(JSON.stringify({ size: n, ...await bench(backend, kernel, m, n, k) }));
}
backend.close();
