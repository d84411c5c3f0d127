// Matrix products of jax-js on WebGPU, several in a row and waited for once, as one JSON line a size:
// deno run -A bench/peers/jaxjs_gemm.ts [N…]

import { blockUntilReady, defaultDevice, init, jit, numpy as np } from "npm:@jax-js/jax@0.1.25";
import { sizes, timeProducts } from "./time_products.ts";

if (!(await init()).includes("webgpu")) {
  console.error("Cannot bench jax-js: it has no WebGPU adapter");
  Deno.exit(2);
}
defaultDevice("webgpu");
const product = jit((x: np.Array, w: np.Array) => np.matmul(x, w));
for (const n of sizes(512)) {
  const values = () => Float32Array.from({ length: n * n }, () => Math.random() - 0.5);
  const a = np.array(values()).reshape([n, n]), b = np.array(values()).reshape([n, n]);
  await timeProducts(n, async (calls) => {
    // A result that nobody waits for is not computed.
    const results = Array.from({ length: calls }, () => product(a.ref, b.ref));
    await blockUntilReady(results);
    results.forEach((y) => y.dispose());
  });
  a.dispose();
  b.dispose();
}
Deno.exit();
