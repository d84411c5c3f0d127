// GEMM GFLOP/s of the cpu backend: deno run -A bench/gemm_bench.ts [threads]
// With DENO_V8_FLAGS as in compute/backend/cpu/engine_flags.ts the engine joins vectors.
// Prints one JSON line per kernel and shape: p20, p50 and p80 of the time, and GFLOP/s at the median.

import { createCpuBackend } from "../compute/backend/cpu/cpu_backend.ts";
import { hasEngineFlags } from "../compute/backend/cpu/engine_flags.ts";
import type { Backend, Tensor } from "../compute/backend/backend.ts";

type Shape = readonly [m: number, n: number, k: number, r?: number];

const SHAPES: readonly (readonly ["nt" | "nn" | "tn" | "lora_forward" | "lora_backward", Shape])[] =
  [
    ["nt", [384, 384, 384]],
    ["nn", [384, 384, 384]],
    ["tn", [384, 384, 384]],
    ["nt", [2048, 64, 64]],
    ["nt", [2048, 128, 128]],
    ["nt", [2048, 384, 128]],
    ["nt", [2048, 2048, 128]],
    ["nn", [2048, 128, 2048]],
    ["tn", [256, 256, 2048]],
    ["nt", [2048, 8, 128]],
    ["nt", [2048, 1, 128]],
    ["nn", [2048, 8, 128]],
    ["tn", [8, 128, 2048]],
    ["tn", [128, 8, 2048]],
    ["tn", [1, 128, 2048]],
    ["tn", [128, 1, 2048]],
    ["lora_forward", [2048, 128, 128, 8]],
    ["lora_backward", [2048, 128, 128, 8]],
  ];

/** A call to time, with the operations it does. */
function prepare(backend: Backend, kind: typeof SHAPES[number][0], shape: Shape) {
  const [m, n, k, r = 1] = shape;
  const random = (rows: number, cols: number, label: string): Tensor => {
    const tensor = backend.empty([rows, cols], "f32", label);
    backend.write(tensor, Float32Array.from({ length: rows * cols }, () => Math.random() - 0.5));
    return tensor;
  };
  const y = random(m, n, "y");
  const params = { m, n, k, alpha: 1, accumulate: 0 };
  switch (kind) {
    case "nt": {
      const x = random(m, k, "x"), w = random(n, k, "w");
      return { run: () => backend.run("gemm_nt", { x, w, y }, params), flops: 2 * m * n * k };
    }
    case "nn": {
      const x = random(m, k, "x"), w = random(k, n, "w");
      return { run: () => backend.run("gemm_nn", { x, w, y }, params), flops: 2 * m * n * k };
    }
    case "tn": {
      const a = random(k, m, "a"), b = random(k, n, "b");
      return { run: () => backend.run("gemm_tn", { a, b, y }, params), flops: 2 * m * n * k };
    }
    case "lora_forward": {
      const x = random(m, k, "x"), w = random(n, k, "w");
      const xa = random(m, r, "xa"), b = random(n, r, "b");
      return {
        run: () => backend.run("lora_forward", { x, w, xa, b, y }, { m, n, k, r }),
        flops: 2 * m * n * (k + r),
      };
    }
    case "lora_backward": {
      const dY = random(m, k, "dY"), w = random(k, n, "w");
      const dXa = random(m, r, "dXa"), a = random(r, n, "a");
      return {
        run: () =>
          backend.run("lora_backward", { dY, w, dXa, a, dX: y }, { m, n, k, r, accumulate: 0 }),
        flops: 2 * m * n * (k + r),
      };
    }
  }
}

const backend = await createCpuBackend({ threads: Number(Deno.args[0] ?? 1) });
console.log(JSON.stringify({
  device: backend.info.device,
  v8: Deno.version.v8,
  engine_flags: hasEngineFlags(),
}));
for (const [kind, shape] of SHAPES) {
  const { run, flops } = prepare(backend, kind, shape);
  const plan = backend.record(kind, run);
  const repeats = Math.max(1, Math.ceil(2e7 / flops));
  const times: number[] = [];
  const until = performance.now() + 400;
  while (performance.now() < until || times.length < 5) {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) backend.replay(plan);
    times.push((performance.now() - start) / repeats);
  }
  // The first are run by the engine's baseline compiler.
  const sorted = times.slice(times.length >> 2).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!;
  const micros = (share: number) => Math.round(at(share) * 1e4) / 10;
  console.log(JSON.stringify({
    kernel: kind,
    shape: shape.join("×"),
    p20_us: micros(0.2),
    p50_us: micros(0.5),
    p80_us: micros(0.8),
    gflops: Math.round(flops / at(0.5) / 1e5) / 10,
  }));
  backend.release(plan);
}
backend.close();
