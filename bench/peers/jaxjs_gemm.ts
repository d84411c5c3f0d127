// Matrix products of jax-js on WebGPU, several in a row and waited for once, as one JSON line a size:
// deno run -A bench/peers/jaxjs_gemm.ts [N…]

import { blockUntilReady, defaultDevice, init, jit, numpy as np } from "npm:@jax-js/jax@0.1.25";

const SAMPLES = 5;

if (!(await init()).includes("webgpu")) {
  console.error("Cannot bench jax-js: it has no WebGPU adapter");
  Deno.exit(2);
}
defaultDevice("webgpu");
const product = jit((x: np.Array, w: np.Array) => np.matmul(x, w));
for (const n of Deno.args.length > 0 ? Deno.args.map(Number) : [512]) {
  const values = () => Float32Array.from({ length: n * n }, () => Math.random() - 0.5);
  const a = np.array(values()).reshape([n, n]), b = np.array(values()).reshape([n, n]);
  const run = async (calls: number): Promise<number> => {
    const started = performance.now();
    // A result that nobody waits for is not computed.
    const results = Array.from({ length: calls }, () => product(a.ref, b.ref));
    await blockUntilReady(results);
    const taken = (performance.now() - started) / calls;
    results.forEach((y) => y.dispose());
    return taken;
  };
  await run(1);
  const calls = Math.max(1, Math.ceil(250 / await run(1)));
  const times: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) times.push(await run(calls));
  const ms = times.sort((x, y) => x - y)[times.length >> 1]!;
  console.log(JSON.stringify({ size: n, ms, gflops: 2 * n ** 3 / ms / 1e6 }));
  a.dispose();
  b.dispose();
}
Deno.exit();
