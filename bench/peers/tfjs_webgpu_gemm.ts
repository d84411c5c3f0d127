// Matrix products of TensorFlow.js on WebGPU, several in a row and waited for once, as one JSON line a size:
// deno run -A bench/peers/tfjs_webgpu_gemm.ts [N…]

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import "npm:@tensorflow/tfjs-backend-webgpu@4.22.0";
import { sizes, timeProducts } from "./time_products.ts";

await tf.setBackend("webgpu");
await tf.ready();
if (tf.getBackend() !== "webgpu") {
  console.error("Cannot bench TensorFlow.js: it has no WebGPU adapter");
  Deno.exit(2);
}
for (const n of sizes(512)) {
  const a = tf.randomUniform([n, n]), b = tf.randomUniform([n, n]);
  await timeProducts(n, async (calls) => {
    for (let i = 1; i < calls; i++) tf.matMul(a, b).dispose();
    const y = tf.matMul(a, b), corner = tf.slice(y, [0, 0], [1, 1]);
    await corner.data();
    y.dispose();
    corner.dispose();
  });
  a.dispose();
  b.dispose();
}
Deno.exit();
